"""The order of a turn: which events are next, which wait, which are dead. Pure; the fold acts on it.

Order is per aggregate and carried by the events themselves, so topics may interleave at random.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from metrics_service.application.fold_codes import AGGREGATE_CODE
from metrics_service.application.fold_routes import MAX_SEQUENCE, Incoming, Spot, Unreadable

MAX_DIGITS: Final = 10

AggregateKey = tuple[int, UUID]  # aggregate code and id
EntityKey = tuple[int, int]  # the code of the aggregate that names the entity, and its id's number


@dataclass(slots=True)
class Place:
    """An entity's tenant and the positions of the aggregates that feed it."""

    tenant_id: UUID
    sequences: list[int]


class Described(NamedTuple):
    """What is known of an event that will not be applied."""

    event_id: UUID | None = None
    tenant_id: UUID | None = None
    aggregate_id: UUID | None = None
    aggregate_code: int | None = None
    sequence: int | None = None
    type: str | None = None


class Dead(NamedTuple):
    """An event that will not be applied, and why; `holds` its key where others must wait for it."""

    spot: Spot
    record: bytes
    what: Described
    reason: str
    detail: str
    holds: bool = False


def dead(incoming: Incoming, reason: str, detail: str, *, holds: bool = False) -> Dead:
    """Return a readable event as a dead one."""
    route = incoming.route
    what = Described(
        incoming.event_id,
        incoming.tenant_id,
        incoming.id,
        route.aggregate_code,
        incoming.sequence,
        route.spec.type,
    )
    return Dead(
        incoming.spot,
        incoming.record,
        what,
        reason,
        detail,
        holds and incoming.sequence is not None,
    )


def unreadable(spot: Spot, record: bytes, error: Unreadable) -> Dead:
    """Return a record that cannot be read as a dead event, with as much of its envelope as there is."""
    what = _described(record)
    return Dead(spot, record, what, error.reason, error.detail, holds=what.sequence is not None)


class _Remains(msgspec.Struct):
    """The fields of an envelope that say whom a broken event concerns."""

    id: UUID
    tenantid: UUID
    subject: UUID
    aggregatetype: str
    type: str
    sequence: str = ""


def _described(record: bytes) -> Described:
    try:
        remains = msgspec.json.decode(record, type=_Remains)
    except (msgspec.DecodeError, ValueError):
        return Described()
    code = AGGREGATE_CODE.get(remains.aggregatetype)
    digits = remains.sequence if remains.sequence.isdecimal() else "0"
    sequence = int(digits) if code and len(digits) <= MAX_DIGITS else 0
    return Described(
        remains.id,
        remains.tenantid,
        remains.subject,
        code,
        sequence if 0 < sequence <= MAX_SEQUENCE else None,
        remains.type[:100],
    )


@dataclass(slots=True)
class Ordered:
    """What a turn's events came to. Every event is in exactly one of these."""

    applied: list[Incoming] = field(default_factory=list)
    parked: list[Incoming] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    drained: list[UUID] = field(default_factory=list)  # were parked before, are applied now
    duplicates: int = 0


class Known(NamedTuple):
    """Everything already remembered about a turn's events and their aggregates."""

    records: Mapping[int, Sequence[bytes]]  # by event number: the bytes in journal, parked, dead
    waiting: Sequence[Incoming]  # parked before, of the aggregates of this turn


class Sequencer:
    """Puts one turn's events in order. `places` is read and moved forward."""

    def __init__(self, places: dict[EntityKey, Place], known: Known, *, drain: bool = True) -> None:
        self._places = places
        self._seen: dict[int, Sequence[bytes]] = dict(known.records)
        self._stored = {waiting.number for waiting in known.waiting}
        self._waiting: dict[AggregateKey, dict[int, list[Incoming]]] = {}
        self._drain_allowed = drain
        self.ordered = Ordered()
        for waiting in known.waiting:
            self._wait(waiting)

    def take(self, events: Iterable[Incoming]) -> Ordered:
        """Sort events into the applied, parked and dead. What was parked and is next is applied too."""
        for incoming in events:
            if self._is_new(incoming):
                self._place(incoming)
        for by_sequence in self._waiting.values():
            for same in by_sequence.values():
                self.ordered.parked += [i for i in same if i.number not in self._stored]
        return self.ordered

    def _is_new(self, incoming: Incoming) -> bool:
        records = self._seen.get(incoming.number)
        if records is None:
            self._seen[incoming.number] = (incoming.record,)
            return True
        if incoming.record in records:
            self.ordered.duplicates += 1
        else:
            self._bury(incoming, "other-bytes", "this event id came before with other content")
        return False

    def _place(self, incoming: Incoming) -> None:
        if incoming.sequence is None:
            self.ordered.applied.append(incoming)
            return
        route = incoming.route
        place = self._places.get(incoming.key)
        if place is None:
            place = self._places[incoming.key] = Place(incoming.tenant_id, [0, 0, 0])
        elif place.tenant_id.int != incoming.tenant_id.int:
            self._bury(incoming, "foreign-tenant", "the aggregate belongs to another tenant")
            return
        due = place.sequences[route.slot] + 1
        if incoming.sequence == due:
            self._apply(incoming, place)
        elif incoming.sequence < due:
            self._bury(incoming, "sequence-conflict", "another event has this sequence")
        else:
            self._wait(incoming)

    def _apply(self, incoming: Incoming, place: Place) -> None:
        assert incoming.sequence is not None
        place.sequences[incoming.route.slot] = incoming.sequence
        self.ordered.applied.append(incoming)
        if self._waiting and self._drain_allowed:
            self._drain((incoming.route.aggregate_code, incoming.id), place)

    def _drain(self, key: AggregateKey, place: Place) -> None:
        """Apply what waited for the event just applied, and what waited for that."""
        by_sequence = self._waiting.get(key)
        if by_sequence is None:
            return
        slot = next(iter(by_sequence.values()))[0].route.slot
        self._contradict(by_sequence.pop(place.sequences[slot], []))
        while following := by_sequence.pop(place.sequences[slot] + 1, None):
            first, *others = following
            place.sequences[slot] += 1
            self.ordered.applied.append(first)
            if first.number in self._stored:
                self.ordered.drained.append(first.event_id)
            self._contradict(others)
        if not by_sequence:
            del self._waiting[key]

    def _contradict(self, others: list[Incoming]) -> None:
        """Bury parked events whose sequence another event has taken."""
        for other in others:
            self._bury(other, "sequence-conflict", "another event has this sequence")
            if other.number in self._stored:
                self.ordered.drained.append(other.event_id)

    def _wait(self, incoming: Incoming) -> None:
        assert incoming.sequence is not None
        key = (incoming.route.aggregate_code, incoming.id)
        self._waiting.setdefault(key, {}).setdefault(incoming.sequence, []).append(incoming)

    def _bury(self, incoming: Incoming, reason: str, detail: str) -> None:
        self.ordered.dead.append(dead(incoming, reason, detail))


def aggregates_of(events: Collection[Incoming]) -> list[UUID]:
    """Return the ids of the aggregates that may have something parked, sorted."""
    return sorted({i.id for i in events if i.sequence is not None})
