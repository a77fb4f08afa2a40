"""What comes in from a CRM: stored once, told on, and looked at again later."""

from collections.abc import Mapping, Sequence
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
class Claimed:
    """What is kept beside a key: of which body it is, and which record it speaks of."""

    digest: bytes
    record: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A genuine request: the raw bytes, and what its vendor said in them."""

    connection: Connection
    told: Told
    received_at: datetime
    content: bytes
    digest: bytes
    secret_id: UUID | None


class Deliveries(Protocol):
    """The deliveries of one tenant, in one transaction."""

    async def claim(
        self, connection_id: UUID, keys: Mapping[str, Claimed], delivery_id: UUID
    ) -> set[str]:
        """Note keys as taken by this delivery; return those that no delivery had before."""
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

    async def add(self, delivery: StoredDelivery, events: Sequence[CrmChangeReceived]) -> None:
        """Keep a delivery, and what it tells goes out with it or not at all."""
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
    connection = arrived.connection
    delivery_id = new_id()
    keyed = {_key(change, arrived.received_at): change for change in arrived.told.changes}
    claims = {key: Claimed(arrived.digest, change.record) for key, change in keyed.items()}
    fresh = await deliveries.claim(connection.id, claims, delivery_id)
    if keyed and not fresh:
        return None
    changes = [change for key, change in keyed.items() if key in fresh]
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
    await deliveries.add(delivery, meaning.events)
    if connection.access is not None:
        await deliveries.ask(delivery, [change for change in changes if change.thin])
    for change in changes:
        if change.look is not None:
            at = change.at or arrived.received_at
            await deliveries.note_look(connection, delivery_id, change.look, at)
    await _forget_erased(connection, changes, delivery_id, deliveries)
    return delivery


async def _forget_erased(
    connection: Connection,
    changes: Sequence[Change],
    delivery_id: UUID,
    deliveries: Deliveries,
) -> None:
    """Keep no body that speaks of a record whose subject asked to be erased, in whatever order they come."""
    if not PROVIDERS[connection.provider].erases:
        return
    spoken_of = {change.record for change in changes if change.record}
    erased = {change.record for change in changes if change.erased and change.record}
    erased |= await deliveries.erased_among(connection.id, sorted(spoken_of - erased))
    if erased:
        await deliveries.erase(connection.id, delivery_id, sorted(erased))


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
    for change in changes:
        translated = translate(change, mapping, context)
        if translated.event is not None:
            events.append(translated.event)
        faults += [ItemFault(change.what, fault) for fault in translated.faults]
    looks = sum(change.look is not None for change in changes)
    return Meaning(tuple(events), tuple(faults), looks)


def faults_without(faults: Sequence[ItemFault], pointer: str) -> tuple[ItemFault, ...]:
    """Return the faults but for those at one place."""
    return tuple(one for one in faults if one.fault.pointer != pointer)


def _key(change: Change, received_at: datetime) -> str:
    """Return what a change is known by; one without an id of its own is itself for ten minutes."""
    if not change.recurs:
        return change.key
    return f"{change.key}@{int(received_at.timestamp()) // RECURS_AFTER_S}"
