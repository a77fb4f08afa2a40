"""The typed columns of entity rows: what lists and explain filter by, derived from facts."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from metrics_service.projections import walk_deal, walk_journey
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import AssetFacts, DealFacts, JourneyFacts
from metrics_service.projections.sales import line_sums, refunded_share, worth_of


class DealColumns(NamedTuple):
    """A deal as lists show it; dates are local, amounts before refunds."""

    state: str  # open, won, lost, no_decision, disqualified, cancelled
    outcome: str
    funnel: str
    stage: str
    owner: str
    source: str
    campaign: str
    segment: str
    account: str
    product: str
    lead_id: UUID | None
    created_on: date | None
    closed_on: date | None  # of a won deal the booking date
    currency: str
    amount_minor: int  # booked revenue once won
    refunded_minor: int
    list_minor: int
    cost_minor: int
    margin_minor: int  # of the lines with a known cost
    uncosted_lines: int
    assumed_lines: int


class JourneyColumns(NamedTuple):
    """A lead as lists show it; dates are local."""

    state: str  # open, ended, converted, merged
    funnel: str
    step: str
    owner: str
    source: str
    campaign: str
    segment: str
    deal_id: UUID | None
    captured_on: date | None
    handed_on: date | None
    ended_on: date | None


class AssetColumns(NamedTuple):
    """An asset as lists show it; dates are local."""

    kind: str
    owner: str
    stage: str
    segment: str
    published_on: date | None
    retired_on: date | None
    expires_on: date | None
    shares: int


def deal_columns(facts: DealFacts, definitions: Definitions) -> DealColumns:
    """Return the columns of a deal."""
    stand = walk_deal.standing(facts)
    booking = walk_deal.booked(facts)
    sums = line_sums(booking.lines if booking else (), refunded_share(facts))
    worth = worth_of(facts, booking)
    moves, origin, days = walk_deal.moves_of(facts), facts.origin, definitions.days
    return DealColumns(
        state=_state(stand),
        outcome=stand.outcome,
        funnel=facts.funnel,
        stage=moves[-1].step if moves else "",
        owner=facts.owner,
        source=facts.source or (origin.source if origin else ""),
        campaign=facts.campaign or (origin.campaign if origin else ""),
        segment=facts.segment or (origin.segment if origin else ""),
        account=facts.account,
        product=facts.product,
        lead_id=origin.lead_id if origin else None,
        created_on=None if facts.created_at is None else days.day(facts.created_at),
        closed_on=None if stand.closed_at is None else days.day(stand.closed_at),
        currency=worth.currency,
        amount_minor=worth.amount_minor,
        refunded_minor=sums.refunded_minor,
        list_minor=sums.list_minor,
        cost_minor=sums.cost_minor,
        margin_minor=sums.costed_revenue_minor - sums.cost_minor,
        uncosted_lines=sums.uncosted_lines,
        assumed_lines=sums.assumed_lines,
    )


def _state(stand: walk_deal.Standing) -> str:
    if stand.outcome in walk_deal.NO_DECISION:
        return "no_decision"
    return walk_deal.DISQUALIFIED if stand.outcome == walk_deal.DISQUALIFIED else stand.status


def deal_credits(facts: DealFacts, definitions: Definitions) -> list[tuple[UUID, date]]:
    """Return who is credited with a won deal, and its booking date; nobody with another deal."""
    booking = walk_deal.booked(facts)
    if booking is None:
        return []
    booked_on = definitions.days.day(booking.at)
    return [(person, booked_on) for person in sorted({c.person_id for c in booking.credits})]


def journey_columns(facts: JourneyFacts, definitions: Definitions) -> JourneyColumns:
    """Return the columns of a lead."""
    acts, days = walk_journey.acts_of(facts), definitions.days
    funnel = definitions.funnels.get(facts.funnel)
    walk = walk_journey.walk(facts, acts, funnel.lead) if funnel else None
    handed_at = walk_journey.handed_over_at(acts)
    ended_at = walk.ended_at if walk else None
    return JourneyColumns(
        state=_journey_state(facts, walk),
        funnel=facts.funnel,
        step=(walk.open_step or "") if walk else "",
        owner=facts.owner,
        source=facts.source,
        campaign=facts.campaign,
        segment=facts.segment,
        deal_id=facts.deal_id,
        captured_on=None if facts.captured_at is None else days.day(facts.captured_at),
        handed_on=None if handed_at is None else days.day(handed_at),
        ended_on=None if ended_at is None else days.day(ended_at),
    )


def _journey_state(facts: JourneyFacts, walk: walk_journey.JourneyWalk | None) -> str:
    if facts.merged_into is not None:
        return "merged"
    if facts.deal_id is not None:
        return "converted"
    return "ended" if walk and walk.ended_at is not None else "open"


def asset_columns(facts: AssetFacts, definitions: Definitions) -> AssetColumns:
    """Return the columns of an asset."""
    days, first, retired = definitions.days, facts.first_published_at, facts.retired_at
    return AssetColumns(
        kind=facts.kind,
        owner=facts.owner,
        stage=facts.stage,
        segment=facts.segment,
        published_on=None if first is None else days.day(first),
        retired_on=None if retired is None else days.day(retired),
        expires_on=date.fromisoformat(facts.expires_on) if facts.expires_on else None,
        shares=len(facts.shares),
    )
