"""What is known about a lead: the set of facts that its journey is derived from."""

from bisect import insort
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from metrics_service.projections.calendar import Micros, micros
from metrics_service.projections.keys import NOBODY
from onefunnel.events import lead

MAX_TOUCHES = 32  # the earliest human sales touches that are kept: hand-over is never so late

# The acts that move a lead, as the entry codes of a funnel definition name them.
CAPTURED = "lead.captured"
QUALIFIED = "lead.qualified"
ASSIGNED = "lead.assigned"
ACCEPTED = "lead.accepted"
REJECTED = "lead.rejected"
RECYCLED = "lead.recycled"
DISQUALIFIED = "lead.disqualified"
CONVERTED = "lead.converted"

_SCORE_FEED, _LEAD_FEED = 0, 1  # at the same instant a lead is qualified before sales acts on it


class Act(Struct, array_like=True, order=True, frozen=True):
    """Something that moved a lead; sorted by its own time, then by the feed's sequence."""

    at: Micros
    feed: int
    sequence: int
    kind: str


class JourneyFacts(Struct, array_like=True):
    """A set: the order in which events of different aggregates arrive leaves no trace in it."""

    captured_sequence: int = 0
    captured_at: Micros | None = None
    imported_qualified_at: Micros | None = None
    funnel: str = "default"
    labels_sequence: int = 0
    source: str = NOBODY
    campaign: str = NOBODY
    segment: str = NOBODY
    owner_sequence: int = 0
    owner: str = NOBODY
    acts: list[Act] = field(default_factory=list)
    touches: list[Micros] = field(default_factory=list)  # by people of sales, the earliest ones
    deal_id: UUID | None = None
    merged_into: UUID | None = None
    begun_sequence: int = 0  # of what said when it was captured and qualified

    def apply(
        self, type_: str, event: object, *, event_id: UUID, sequence: int, time: datetime
    ) -> None:
        """Take one event in. A duplicate changes nothing; what no projection needs is ignored."""
        del event_id, time  # a lead's events are not corrected, and each carries its own time
        handler = _HANDLERS.get(type_)
        if handler:
            handler(self, event, sequence)


def text(value: object | None) -> str:
    """Return a dimension's value as counters hold it."""
    return NOBODY if value is None else str(value)


def _captured(facts: JourneyFacts, event: lead.LeadCaptured, sequence: int) -> None:
    facts.captured_sequence = sequence
    _begin(facts, event, sequence)
    facts.funnel = event.funnel
    _label(facts, event, sequence)
    if event.owner_id is not None:
        _own(facts, event.owner_id, sequence)
        if event.captured_at:  # a lead that is logged with its owner is handed over with that
            _act(facts, event.captured_at, _LEAD_FEED, sequence, ASSIGNED)


def _updated(facts: JourneyFacts, event: lead.LeadUpdated, sequence: int) -> None:
    _label(facts, event, sequence)
    if event.captured_at is not None or event.qualified_at is not None:
        _begin(facts, event, sequence)


def _begin(facts: JourneyFacts, event: lead.LeadCaptured | lead.LeadUpdated, sequence: int) -> None:
    """Take in when the lead was captured and qualified; what was said last holds."""
    if sequence <= facts.begun_sequence:
        return
    facts.begun_sequence = sequence
    facts.captured_at = micros(event.captured_at) if event.captured_at else None
    facts.imported_qualified_at = micros(event.qualified_at) if event.qualified_at else None


def _label(facts: JourneyFacts, event: lead.LeadCaptured | lead.LeadUpdated, sequence: int) -> None:
    if sequence <= facts.labels_sequence:
        return
    facts.labels_sequence = sequence
    facts.source = text(event.source)
    facts.campaign = text(event.campaign_id)
    facts.segment = text(event.segment)


def _own(facts: JourneyFacts, owner: UUID, sequence: int) -> None:
    if sequence > facts.owner_sequence:
        facts.owner_sequence, facts.owner = sequence, str(owner)


def _assigned(facts: JourneyFacts, event: lead.LeadAssigned, sequence: int) -> None:
    _own(facts, event.owner_id, sequence)
    _act(facts, event.assigned_at, _LEAD_FEED, sequence, ASSIGNED)


def _converted(facts: JourneyFacts, event: lead.LeadConverted, sequence: int) -> None:
    facts.deal_id = event.deal_id
    _act(facts, event.converted_at, _LEAD_FEED, sequence, CONVERTED)


def _merged(facts: JourneyFacts, event: lead.LeadMerged, _sequence: int) -> None:
    facts.merged_into = event.into_lead_id


def _touched(facts: JourneyFacts, event: lead.TouchRecorded, _sequence: int) -> None:
    if event.side != "sales" or not event.human:
        return
    at = micros(event.touched_at)
    if at not in facts.touches:
        insort(facts.touches, at)
        del facts.touches[MAX_TOUCHES:]


def _act(facts: JourneyFacts, at: datetime, feed: int, sequence: int, kind: str) -> None:
    act = Act(micros(at), feed, sequence, kind)
    if act not in facts.acts:
        insort(facts.acts, act)


def _acted(kind: str, time_field: str, feed: int = _LEAD_FEED) -> Callable[..., None]:
    def take(facts: JourneyFacts, event: object, sequence: int) -> None:
        _act(facts, getattr(event, time_field), feed, sequence, kind)

    return take


_Handler = Callable[[JourneyFacts, Any, int], None]
_HANDLERS: dict[str, _Handler] = {
    "onefunnel.lead.captured.v1": _captured,
    "onefunnel.lead.updated.v1": _updated,
    "onefunnel.lead.assigned.v1": _assigned,
    "onefunnel.lead.accepted.v1": _acted(ACCEPTED, "accepted_at"),
    "onefunnel.lead.rejected.v1": _acted(REJECTED, "rejected_at"),
    "onefunnel.lead.recycled.v1": _acted(RECYCLED, "recycled_at"),
    "onefunnel.lead.disqualified.v1": _acted(DISQUALIFIED, "disqualified_at"),
    "onefunnel.lead.converted.v1": _converted,
    "onefunnel.lead.merged.v1": _merged,
    "onefunnel.touch.recorded.v1": _touched,
    "onefunnel.lead.qualified.v1": _acted(QUALIFIED, "qualified_at", _SCORE_FEED),
}
# Also of this entity, but no projection needs them: they move its positions and nothing else.
_IGNORED = frozenset(
    {
        "onefunnel.lead.scored.v1",
        "onefunnel.lead.rated.v1",
        "onefunnel.lead.rating_reconciled.v1",
    }
)
FEEDING_JOURNEYS = frozenset(_HANDLERS)
JOURNEY_TYPES = FEEDING_JOURNEYS | _IGNORED
