"""What is known about a deal: the set of facts that its steps, amounts and credits are derived from."""

from bisect import insort
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from metrics_service.projections.calendar import Micros, micros
from metrics_service.projections.facts_journey import text
from metrics_service.projections.keys import NO_CURRENCY, NOBODY
from onefunnel.events import deal

SCALE = (
    10**12
)  # fractions and shares in whole trillionths: a published decimal has at most 12 places
UNDATED: Micros = -(2**62)  # sorts before every instant

WON = "won"
LOST = "lost"
REOPENED = "reopened"
CANCELLED = "cancelled"


class Origin(Struct, array_like=True, frozen=True):
    """The lead a deal came from, as it was at conversion."""

    lead_id: UUID
    owner: str
    source: str
    campaign: str
    segment: str
    steps: tuple[tuple[str, Micros], ...]  # lead steps first entered, sorted by time


class Move(Struct, array_like=True, order=True, frozen=True):
    """The deal entered a step; `corrects` names the event whose move this one replaces."""

    at: Micros
    sequence: int
    step: str
    event_id: UUID
    corrects: UUID | None = None


class Turn(Struct, array_like=True, order=True, frozen=True):
    """The deal was lost, reopened or cancelled."""

    at: Micros
    sequence: int
    kind: str
    outcome: str = ""


class Line(Struct, array_like=True, frozen=True):
    """A line as booked."""

    line_id: str
    product: str
    list_minor: int | None
    revenue_minor: int
    cost_minor: int | None
    assumed: bool


class CreditShare(Struct, array_like=True, frozen=True):
    """A person's part in the deal; `weight` in trillionths, None where shares are equal."""

    person_id: UUID
    role: str
    weight: int | None


class Booking(Struct, array_like=True, frozen=True):
    """One version of the won deal."""

    version: int
    event_id: UUID
    sequence: int
    at: Micros
    currency: str
    lines: tuple[Line, ...]
    credits: tuple[CreditShare, ...]


class DealFacts(Struct, array_like=True):
    """A set: registers by sequence, bookings by version, refunds and payments by id."""

    created_sequence: int = 0
    created_at: Micros | None = None
    funnel: str = "default"
    origin: Origin | None = None
    labels_sequence: int = 0
    owner: str = NOBODY
    amount_minor: int | None = None
    currency: str = NO_CURRENCY
    account: str = NOBODY
    product: str = NOBODY
    source: str = NOBODY
    campaign: str = NOBODY
    segment: str = NOBODY
    expected_close_on: str | None = None
    moves: list[Move] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    bookings: list[tuple[int, int, Micros]] = field(default_factory=list)  # sequence, version, at
    booking: Booking | None = None  # the newest version
    refunds: list[tuple[UUID, Micros, int]] = field(default_factory=list)  # id, at, trillionths
    payments: list[tuple[UUID, Micros, int, str]] = field(default_factory=list)
    begun_sequence: int = 0  # of what said when it was opened and where it came from

    def apply(
        self, type_: str, event: object, *, event_id: UUID, sequence: int, time: datetime
    ) -> None:
        """Take one event in. A duplicate changes nothing; what no projection needs is ignored."""
        del time  # each event carries its own time, or has none
        handler = _HANDLERS.get(type_)
        if handler:
            handler(self, event, event_id, sequence)


def trillionths(decimal_text: str) -> int:
    """Return a published decimal in trillionths, exactly."""
    return int(Decimal(decimal_text).scaleb(12))


def _created(facts: DealFacts, event: deal.DealCreated, event_id: UUID, sequence: int) -> None:
    facts.created_sequence = sequence
    facts.funnel = event.funnel
    _begin(facts, event, sequence)
    _label(facts, event, event_id, sequence)
    _add(facts.moves, Move(_beginning(facts), sequence, event.stage, event_id))


def _updated(facts: DealFacts, event: deal.DealUpdated, event_id: UUID, sequence: int) -> None:
    _label(facts, event, event_id, sequence)
    if event.created_at is None and event.origin is None:
        return
    _begin(facts, event, sequence)
    for move in [one for one in facts.moves if one.sequence == facts.created_sequence]:
        facts.moves.remove(move)
        _add(facts.moves, replace(move, at=_beginning(facts)))


def _begin(facts: DealFacts, event: deal.DealCreated | deal.DealUpdated, sequence: int) -> None:
    """Take in when the deal was opened and where it came from; what was said last holds."""
    if sequence <= facts.begun_sequence:
        return
    facts.begun_sequence = sequence
    facts.created_at = micros(event.created_at) if event.created_at else None
    facts.origin = _origin(event.origin) if event.origin else None


def _beginning(facts: DealFacts) -> Micros:
    return UNDATED if facts.created_at is None else facts.created_at


def _origin(origin: deal.Origin) -> Origin:
    steps = sorted((micros(at), step) for step, at in origin.steps.items())
    return Origin(
        lead_id=origin.lead_id,
        owner=text(origin.owner_id),
        source=text(origin.source),
        campaign=text(origin.campaign_id),
        segment=text(origin.segment),
        steps=tuple((step, at) for at, step in steps),
    )


def _label(
    facts: DealFacts, event: deal.DealCreated | deal.DealUpdated, _event_id: UUID, sequence: int
) -> None:
    if sequence <= facts.labels_sequence:
        return
    facts.labels_sequence = sequence
    facts.owner = text(event.owner_id)
    facts.amount_minor = event.amount.amount_minor if event.amount else None
    facts.currency = event.amount.currency if event.amount else NO_CURRENCY
    facts.account = text(event.account_id)
    facts.product = text(event.product_id)
    facts.source = text(event.source)
    facts.campaign = text(event.campaign_id)
    facts.segment = text(event.segment)
    facts.expected_close_on = (
        event.expected_close_on.isoformat() if event.expected_close_on else None
    )


def _moved(facts: DealFacts, event: deal.DealStageChanged, event_id: UUID, sequence: int) -> None:
    _add(facts.moves, Move(micros(event.at), sequence, event.to, event_id, event.corrects))


def _won(facts: DealFacts, event: deal.DealWon, event_id: UUID, sequence: int) -> None:
    _add(facts.bookings, (sequence, event.version, micros(event.at)))
    known = facts.booking
    if known and (known.version, known.event_id.int) >= (event.version, event_id.int):
        return
    facts.booking = Booking(
        version=event.version,
        event_id=event_id,
        sequence=sequence,
        at=micros(event.at),
        currency=event.currency,
        lines=tuple(_line(line) for line in event.lines),
        credits=tuple(_credit(credit) for credit in event.credits),
    )


def _line(line: deal.DealLine) -> Line:
    return Line(
        line.line_id,
        text(line.product_id),
        line.list_minor,
        line.revenue_minor,
        line.cost_minor,
        line.cost_assumed,
    )


def _credit(credit: deal.Credit) -> CreditShare:
    weight = None if credit.split is None else trillionths(credit.split)
    return CreditShare(credit.person_id, credit.role, weight)


def _lost(facts: DealFacts, event: deal.DealLost, _event_id: UUID, sequence: int) -> None:
    _add(facts.turns, Turn(micros(event.at), sequence, LOST, event.outcome))


def _turned(kind: str) -> Callable[..., None]:
    def take(
        facts: DealFacts,
        event: deal.DealReopened | deal.DealCancelled,
        _event_id: UUID,
        sequence: int,
    ) -> None:
        _add(facts.turns, Turn(micros(event.at), sequence, kind))

    return take


def _refunded(facts: DealFacts, event: deal.DealRefunded, _event_id: UUID, _sequence: int) -> None:
    if all(known[0] != event.refund_id for known in facts.refunds):
        _add(facts.refunds, (event.refund_id, micros(event.at), trillionths(event.fraction)))


def _paid(facts: DealFacts, event: deal.PaymentReceived, _event_id: UUID, _sequence: int) -> None:
    if all(known[0] != event.payment_id for known in facts.payments):
        money = event.amount
        payment = (event.payment_id, micros(event.at), money.amount_minor, money.currency)
        _add(facts.payments, payment)


def _add(items: list[Any], item: object) -> None:
    if item not in items:
        insort(items, item)


_Handler = Callable[[DealFacts, Any, UUID, int], None]
_HANDLERS: dict[str, _Handler] = {
    "onefunnel.deal.created.v1": _created,
    "onefunnel.deal.updated.v1": _updated,
    "onefunnel.deal.stage_changed.v1": _moved,
    "onefunnel.deal.won.v1": _won,
    "onefunnel.deal.lost.v1": _lost,
    "onefunnel.deal.reopened.v1": _turned(REOPENED),
    "onefunnel.deal.cancelled.v1": _turned(CANCELLED),
    "onefunnel.deal.refunded.v1": _refunded,
    "onefunnel.deal.payment_received.v1": _paid,
}
FEEDING_DEALS = frozenset(_HANDLERS)
DEAL_TYPES = FEEDING_DEALS | {"onefunnel.activity.logged.v1"}
