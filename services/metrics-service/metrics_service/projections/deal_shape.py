"""What a deal adds to: deal steps, reach, its present step, stays, sales, pay."""

from uuid import UUID

from metrics_service.projections import walk_deal
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.durations import add_cycle, add_visits, cycle_days
from metrics_service.projections.facts import DealFacts
from metrics_service.projections.facts_deal import WON, Booking, Line
from metrics_service.projections.funnel import Entry, add_entries, add_reach, first_entries
from metrics_service.projections.funnel_steps import CompiledFunnel
from metrics_service.projections.keys import (
    CYCLE,
    NO_CURRENCY,
    DurationKey,
    DurationVector,
    FunnelKey,
    FunnelVector,
    Key,
    PipelineKey,
    PipelineVector,
    SalesKey,
    Vector,
)
from metrics_service.projections.pay.credit import add_pay
from metrics_service.projections.sales import (
    created_vector,
    ended_vector,
    line_sums,
    refunded_share,
    won_vector,
    worth_of,
)
from metrics_service.projections.shape import Cells, Dims, Group, Shape, add_to


class _Deal:
    """What several parts of a deal's contributions need, derived once."""

    def __init__(self, facts: DealFacts, definitions: Definitions) -> None:
        self.facts = facts
        self.rules = definitions
        self.days = definitions.days
        self.standing = walk_deal.standing(facts)
        self.booking: Booking | None = facts.booking if self.standing.status == WON else None
        self.worth = worth_of(facts, self.booking)
        self.moves = walk_deal.moves_of(facts)
        self.refunded = refunded_share(facts)
        origin = facts.origin
        self.source = facts.source or (origin.source if origin else "")
        self.campaign = facts.campaign or (origin.campaign if origin else "")
        self.segment = facts.segment or (origin.segment if origin else "")

    @property
    def dims(self) -> Dims:
        return (
            ("all", ""),
            ("owner", self.facts.owner),
            ("source", self.source),
            ("campaign", self.campaign),
            ("segment", self.segment),
        )

    @property
    def origin_dims(self) -> Dims:
        """The dimensions of the journey: those of the lead at conversion."""
        origin = self.facts.origin
        if origin is None:
            return self.dims
        return (
            ("all", ""),
            ("owner", origin.owner or self.facts.owner),
            ("source", origin.source),
            ("campaign", origin.campaign),
            ("segment", origin.segment),
        )


def deal_shape(_deal_id: UUID, facts: DealFacts, definitions: Definitions) -> Shape:
    """Return a deal's contributions, factored."""
    deal = _Deal(facts, definitions)
    account, product = ("account", facts.account), ("product", facts.product)
    steps: Cells = {}
    journey: Cells = {}
    labelled: Cells = {}
    sold: Cells = {}
    plain: dict[Key, Vector] = {}
    funnel = definitions.funnels.get(facts.funnel)
    if funnel:
        _add_deal_steps(steps, journey, labelled, deal, funnel)
    _add_opened_and_ended(labelled, deal)
    if deal.booking:
        _add_sold(sold, plain, deal, deal.booking, funnel)
    dims = deal.dims
    groups = (
        Group((*dims, product), steps),
        Group((*deal.origin_dims, product), journey),
        Group((*dims, account, product), labelled),
        Group((*dims, account), sold),
    )
    return Shape(groups, plain)


def _add_deal_steps(
    steps: Cells, journey: Cells, labelled: Cells, deal: _Deal, funnel: CompiledFunnel
) -> None:
    track, head = funnel.deal, (funnel.name, funnel.version)
    entries = first_entries(walk_deal.entered(deal.moves, deal.standing, funnel))
    ended_at = None if deal.booking else deal.standing.closed_at
    add_entries(
        steps, head, entries, track=track, days=deal.days, worth=deal.worth, ended_at=ended_at
    )
    if entries:
        _add_journey(journey, head, entries, deal, funnel)
    add_visits(labelled, head, walk_deal.visits(deal.facts, deal.moves), deal.days)
    if deal.standing.status == walk_deal.OPEN and deal.moves:
        tail = (deal.worth.currency, deal.moves[-1].step)
        add_to(labelled, (PipelineKey, head, tail), PipelineVector(1, deal.worth.amount_minor))


def _add_journey(
    journey: Cells,
    head: tuple[object, ...],
    entries: list[Entry],
    deal: _Deal,
    funnel: CompiledFunnel,
) -> None:
    """Count reach from the day the journey began, and the conversion out of the last lead step."""
    origin = deal.facts.origin
    began_at = origin.steps[0][1] if origin and origin.steps else entries[0][1]
    add_reach(
        journey,
        head,
        entries,
        track=funnel.deal,
        days=deal.days,
        worth=deal.worth,
        began_at=began_at,
    )
    if not origin or not origin.steps or not funnel.lead.keys:
        return
    last = funnel.lead.keys[-1]
    left_at = dict(origin.steps).get(last)
    if left_at is not None:
        converted = int(entries[0][1] - left_at <= funnel.lead.windows[-1])
        tail = (NO_CURRENCY, deal.days.day(left_at), last)
        vector = FunnelVector(converted=converted, converted_ever=1)
        add_to(journey, (FunnelKey, head, tail), vector)


def _add_opened_and_ended(labelled: Cells, deal: _Deal) -> None:
    if deal.facts.created_at is not None:
        tail = (deal.worth.currency, deal.days.day(deal.facts.created_at))
        add_to(labelled, (SalesKey, (), tail), created_vector(deal.worth))
    ended = ended_vector(deal.standing, deal.worth)
    if ended and deal.standing.closed_at is not None:
        tail = (deal.worth.currency, deal.days.day(deal.standing.closed_at))
        add_to(labelled, (SalesKey, (), tail), ended)


def _add_sold(
    sold: Cells,
    plain: dict[Key, Vector],
    deal: _Deal,
    booking: Booking,
    funnel: CompiledFunnel | None,
) -> None:
    """Count a won deal; under a product only with the lines of that product."""
    booked_on = deal.days.day(booking.at)
    cycle = cycle_days(deal.facts.created_at, booking.at, deal.days)
    vector = won_vector(line_sums(booking.lines, deal.refunded), cycle)
    add_to(sold, (SalesKey, (), (booking.currency, booked_on)), vector)
    for product, lines in _by_product(booking.lines, deal.facts.product).items():
        vector = won_vector(line_sums(lines, deal.refunded), cycle)
        add_to(plain, SalesKey("product", product, booking.currency, booked_on), vector)
    if funnel and cycle is not None:
        head = (funnel.name, funnel.version)
        add_cycle(sold, head, booking.at, cycle, deal.days)
        for product in _by_product(booking.lines, deal.facts.product):
            key = DurationKey(*head, "product", product, CYCLE, booked_on, cycle)
            add_to(plain, key, DurationVector(1))
    add_pay(plain, booking, booked_on, deal.source, deal.refunded, deal.rules)


def _by_product(lines: tuple[Line, ...], product_of_deal: str) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.product or product_of_deal, []).append(line)
    return found or {product_of_deal: []}
