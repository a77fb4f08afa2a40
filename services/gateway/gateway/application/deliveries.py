"""What comes in from a CRM: stored once, told on, and looked at again later."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final, Literal, Protocol
from uuid import UUID

from gateway.domain.connection import Connection
from gateway.domain.webhooks.mapping import Context, Fault, translate
from gateway.domain.webhooks.mapping import Mapping as FieldMapping
from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.reading import Change, Look, Told
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.ids import new_id

Status = Literal["translated", "partly", "ignored"]
MAX_FAULTS: Final = 50
RECURS_AFTER_S: Final = 600


@dataclass(frozen=True, slots=True)
class ItemFault:
    """A field of one of the delivery's changes that could not be used."""

    change: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One request as it came, sealed, and what became of it."""

    id: UUID
    connection_id: UUID
    received_at: datetime
    sealed: bytes
    digest: bytes
    secret_id: UUID | None
    changes: int
    told: int
    status: Status
    faults: tuple[ItemFault, ...] = ()
    sealed_on: date | None = None  # the day whose key opens it
    erased_at: datetime | None = None

    def with_faults(self, faults: tuple[ItemFault, ...]) -> "StoredDelivery":
        """Return the delivery with these faults, as many as are kept."""
        return replace(self, faults=faults[:MAX_FAULTS])


@dataclass(frozen=True, slots=True)
class Claim:
    """A change that a delivery takes for its own: what it is known by, of which body and record it is."""

    connection_id: UUID
    key: str
    delivery_id: UUID
    digest: bytes
    record: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A genuine request: the raw bytes, and what its vendor said in them."""

    connection: Connection
    told: Told
    received_at: datetime
    content: bytes = field(repr=False)
    digest: bytes
    secret_id: UUID | None
    trace: str | None = (
        None  # what its events are followed by; of an answer that we asked for, our turn
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """A delivery that is kept, and the events that go out with it."""

    delivery: StoredDelivery
    events: tuple[CrmChangeReceived, ...]
    trace: str | None


class Deliveries(Protocol):
    """The deliveries of one tenant, in one transaction."""

    async def claim(self, claims: Sequence[Claim]) -> set[tuple[UUID, str]]:
        """Note keys as taken; return those that no delivery had before, each with the delivery that took it.

        Of two claims to one key the first has it.
        """
        ...

    async def sealed(self, content: bytes, delivery_id: UUID, day: date) -> bytes:
        """Return a body as it may be kept: nobody reads it when the key of its day is gone."""
        ...

    async def note_look(
        self, connection: Connection, delivery_id: UUID, look: Look, at: datetime
    ) -> None:
        """Add what was seen of a view to what is known of it."""
        ...

    async def erase(self, connection_id: UUID, delivery_id: UUID, records: Sequence[str]) -> None:
        """Erase the bodies of all deliveries that speak of these records, and of those still to come."""
        ...

    async def erased_among(self, connection_id: UUID, records: Sequence[str]) -> set[str]:
        """Return those of these records that were erased before."""
        ...

    async def ask(self, delivery: "StoredDelivery", records: Sequence[Change]) -> None:
        """Note that these records are to be read in the CRM: what the delivery said of them is not all."""
        ...

    async def add(self, told: Sequence[Telling]) -> None:
        """Keep deliveries, and what they tell goes out with them or not at all."""
        ...


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a delivery's changes become."""

    events: tuple[CrmChangeReceived, ...] = ()
    faults: tuple[ItemFault, ...] = field(default=())
    looks: int = 0

    @property
    def status(self) -> Status:
        """Say in a word what became of it."""
        if not self.events and not self.looks:
            return "partly" if self.faults else "ignored"
        return "partly" if self.faults else "translated"


async def take_in(arrived: Arrived, *, deliveries: Deliveries) -> StoredDelivery | None:
    """Store a delivery and tell on what is new in it; None if all of it came before."""
    (stored,) = await take_all_in([arrived], deliveries=deliveries)
    return stored


async def take_all_in(
    arrived: Sequence[Arrived], *, deliveries: Deliveries
) -> list[StoredDelivery | None]:
    """Store deliveries of one tenant in the order in which they came; None for each that came before."""
    given = [(new_id(), one, _keyed(one)) for one in arrived]
    fresh = await deliveries.claim(
        [
            Claim(one.connection.id, key, id_, one.digest, change.record)
            for id_, one, keyed in given
            for key, change in keyed.items()
        ]
    )
    taken: list[_Taken | None] = []
    for id_, one, keyed in given:
        changes = [change for key, change in keyed.items() if (id_, key) in fresh]
        known = bool(keyed) and not changes
        taken.append(None if known else await _taken(one, id_, changes, deliveries))
    new = [one for one in taken if one]
    await deliveries.add([one.telling for one in new])
    for one_taken in new:
        await _follow(one_taken, deliveries)
    await _forget_erased(new, deliveries)
    return [one.telling.delivery if one else None for one in taken]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A delivery that is not known yet, and what is new in it."""

    arrived: Arrived
    changes: Sequence[Change]
    telling: Telling


async def _taken(
    arrived: Arrived, delivery_id: UUID, changes: Sequence[Change], deliveries: Deliveries
) -> _Taken:
    connection = arrived.connection
    meaning = meaning_of(changes, connection, delivery_id, arrived.received_at)
    day = arrived.received_at.astimezone(UTC).date()
    delivery = StoredDelivery(
        delivery_id,
        connection.id,
        arrived.received_at,
        await deliveries.sealed(arrived.content, delivery_id, day),
        arrived.digest,
        arrived.secret_id,
        len(arrived.told.changes),
        len(meaning.events),
        meaning.status,
        meaning.faults[:MAX_FAULTS],
        day,
    )
    return _Taken(arrived, changes, Telling(delivery, meaning.events, arrived.trace))


async def _follow(taken: _Taken, deliveries: Deliveries) -> None:
    """Do what a kept delivery asks for beside its events: read records, add up views."""
    connection, delivery = taken.arrived.connection, taken.telling.delivery
    if connection.access is not None:
        await deliveries.ask(delivery, [change for change in taken.changes if change.thin])
    for change in taken.changes:
        if change.look is not None:
            at = change.at or taken.arrived.received_at
            await deliveries.note_look(connection, delivery.id, change.look, at)


async def _forget_erased(taken: Sequence[_Taken], deliveries: Deliveries) -> None:
    """Keep no body that speaks of a record whose subject asked to be erased, in whatever order they come."""
    by_connection: dict[UUID, list[_Taken]] = {}
    for one in taken:
        if PROVIDERS[one.arrived.connection.provider].erases:
            by_connection.setdefault(one.arrived.connection.id, []).append(one)
    for connection_id, theirs in by_connection.items():
        changes = [change for one in theirs for change in one.changes if change.record]
        erased = {change.record for change in changes if change.erased and change.record}
        spoken_of = {change.record for change in changes if change.record}
        erased |= await deliveries.erased_among(connection_id, sorted(spoken_of - erased))
        if erased:
            last = theirs[-1].telling.delivery.id
            await deliveries.erase(connection_id, last, sorted(erased))


def meaning_of(
    changes: Sequence[Change], connection: Connection, delivery_id: UUID, received_at: datetime
) -> Meaning:
    """Return what changes become under the connection's mapping of now."""
    mapping = FieldMapping(**connection.mapping)
    context = Context(
        connection.tenant_id, connection.id, connection.source, delivery_id, received_at
    )
    events: list[CrmChangeReceived] = []
    faults: list[ItemFault] = []
    for n, change in enumerate(changes):
        translated = translate(change, mapping, context)
        if translated.event is not None:
            events.append(translated.event)
        faults += [ItemFault(change.what, fault) for fault in translated.faults]
        if change.unreadable is not None:
            fault = Fault(f"/changes/{n}", "unreadable", change.unreadable)
            faults.append(ItemFault(change.what, fault))
    looks = sum(change.look is not None for change in changes)
    return Meaning(tuple(events), tuple(faults), looks)


def faults_without(faults: Sequence[ItemFault], pointer: str) -> tuple[ItemFault, ...]:
    """Return the faults but for those at one place."""
    return tuple(one for one in faults if one.fault.pointer != pointer)


def _keyed(arrived: Arrived) -> dict[str, Change]:
    return {_key(change, arrived.received_at): change for change in arrived.told.changes}


def _key(change: Change, received_at: datetime) -> str:
    """Return what a change is known by; one without an id of its own is itself for ten minutes."""
    if not change.recurs:
        return change.key
    return f"{change.key}@{int(received_at.timestamp()) // RECURS_AFTER_S}"
