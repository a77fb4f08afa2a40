"""From a record of the log to an event that can be folded, and where it belongs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from metrics_service.application.fold_codes import AGGREGATE_CODE, TYPE_CODE
from metrics_service.projections.definitions import REFERENCE_TYPES
from metrics_service.projections.facts import FEEDING
from onefunnel.events import CATALOGUE, Event, EventSpec
from onefunnel.events.envelope import MAX_RECORD_BYTES, Envelope, decode
from onefunnel.events.fast import decode_data

MAX_SEQUENCE: Final = 2**31 - 1


class Kind(IntEnum):
    """The entities that events feed. Rows are locked in this order, and by id within one."""

    STREAM = 0  # an aggregate without facts of its own here: reference data, feedback
    DEAL = 1
    JOURNEY = 2
    ASSET = 3
    NOTHING = 4  # unordered events (views, searches) are facts by themselves


# Which entity an aggregate feeds, and which of the entity's sequences is its own.
FEEDS: Final[dict[str, tuple[Kind, int]]] = {
    "deal": (Kind.DEAL, 0),
    "lead": (Kind.JOURNEY, 0),
    "lead_score": (Kind.JOURNEY, 1),
    "lead_rating": (Kind.JOURNEY, 2),
    "asset": (Kind.ASSET, 0),
    "none": (Kind.NOTHING, 0),
}
SEQUENCES: Final = {Kind.STREAM: 1, Kind.DEAL: 1, Kind.JOURNEY: 3, Kind.ASSET: 1, Kind.NOTHING: 0}


@dataclass(frozen=True, slots=True)
class Route:
    """What the fold has to know of an event type."""

    spec: EventSpec
    type_code: int
    aggregate_code: int
    kind: Kind
    owner_code: int  # the aggregate code that names the entity: a lead's scores feed the lead
    slot: int
    feeds: bool  # can change facts; else it moves a position and nothing more
    rules: bool  # changes what contributions are computed with
    ordered: bool
    subject: Callable[[Event], UUID]


def entity_of(aggregate: str) -> tuple[int, int]:
    """Return the code that names an aggregate's entity, and the slot of its sequence there."""
    kind, slot = FEEDS.get(aggregate, (Kind.STREAM, 0))
    return AGGREGATE_CODE["lead" if kind is Kind.JOURNEY else aggregate], slot


def _route(spec: EventSpec) -> Route:
    kind, _ = FEEDS.get(spec.aggregate, (Kind.STREAM, 0))
    aggregate_code = AGGREGATE_CODE[spec.aggregate]
    owner_code, slot = entity_of(spec.aggregate)
    return Route(
        spec, TYPE_CODE[spec.type], aggregate_code, kind, owner_code, slot,
        feeds=spec.type in FEEDING, rules=spec.type in REFERENCE_TYPES, ordered=spec.ordered,
        subject=attrgetter(spec.key),
    )  # fmt: skip


ROUTES: Final = {spec.type: _route(spec) for spec in CATALOGUE.values()}


class Spot(NamedTuple):
    """Where a record stands in the log."""

    topic: str
    partition: int
    position: int


class Incoming:
    """One event of a turn: decoded, validated, with its place in the log and its own bytes.

    `key` and `number` stand for the entity and the event in look-ups: the numbers of their UUIDs,
    which hash ten times faster than the UUIDs themselves.
    """

    __slots__ = (
        "event", "event_id", "id", "key", "number", "occurred_at", "partition", "position", "record",
        "recorded_at", "route", "sequence", "tenant_id",
    )  # fmt: skip

    def __init__(
        self, place: tuple[str, int], position: int, record: bytes, envelope: Envelope, route: Route
    ) -> None:
        self.partition = place
        self.position = position
        self.record = record
        self.route = route
        self.event_id: UUID = envelope.id
        self.number: int = envelope.id.int
        self.tenant_id: UUID = envelope.tenantid
        self.id: UUID = envelope.subject
        self.key = (route.owner_code, envelope.subject.int)
        self.occurred_at: datetime = envelope.time
        self.recorded_at: datetime = envelope.recordedtime
        self.sequence = int(envelope.sequence) if envelope.sequence and route.ordered else None
        self.event = decode_data(envelope.type, envelope.data)

    @property
    def spot(self) -> Spot:
        """Where it stands in the log."""
        return Spot(*self.partition, self.position)


class Unreadable(Exception):
    """A record that can never be folded as it is. `reason` is a code, `detail` holds no value of it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Ignored(Exception):
    """A type that this release does not know, on a topic where that is no mistake."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope.type)
        self.event_id = envelope.id


def read(partition: tuple[str, int], position: int, record: bytes) -> Incoming:
    """Decode a record completely. Raises `Unreadable`, or `Ignored` for a type nobody here knows."""
    if len(record) > MAX_RECORD_BYTES:
        raise Unreadable("too-large", f"more than {MAX_RECORD_BYTES} bytes")
    try:
        envelope = decode(record)
    except (msgspec.DecodeError, ValueError) as error:
        raise Unreadable("malformed-envelope", _without_values(error)) from error
    route = ROUTES.get(envelope.type)
    if route is None:
        raise Ignored(envelope)
    try:
        incoming = Incoming(partition, position, record, envelope, route)
    except (msgspec.DecodeError, ValueError) as error:
        raise Unreadable("malformed-data", _without_values(error)) from error
    _check(incoming, envelope.aggregatetype)
    return incoming


def _check(incoming: Incoming, aggregate: str) -> None:
    """Refuse an envelope that contradicts its event, its type or its topic."""
    route = incoming.route
    spec = route.spec
    if spec.topic != incoming.partition[0]:
        raise Unreadable("wrong-topic", f"{spec.type} is published on {spec.topic}")
    if aggregate != spec.aggregate:
        raise Unreadable("wrong-aggregate", f"{spec.type} belongs to {spec.aggregate}")
    if route.subject(incoming.event).int != incoming.key[1]:
        raise Unreadable("wrong-subject", f"the subject is not the {spec.key}")
    if route.ordered and not (incoming.sequence and 0 < incoming.sequence <= MAX_SEQUENCE):
        raise Unreadable("wrong-sequence", "a positive sequence is missing")
    if incoming.occurred_at.tzinfo is None or incoming.recorded_at.tzinfo is None:
        raise Unreadable("malformed-envelope", "a time has no zone")


def _without_values(error: Exception) -> str:
    """Return an error's text as far as it cannot repeat what somebody wrote into the record."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return type(error).__name__
    if text.startswith(("Expected", "Object missing")):
        return text[:200]
    return (
        f"invalid value{text[text.find(' - at ') :][:200]}" if " - at " in text else "invalid value"
    )
