"""What comes in from a CRM: kept as it came, and what became of it when it was read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal, Protocol
from uuid import UUID

from gateway.domain.connection import Connection
from gateway.domain.webhooks.mapping import Context, Fault, translate
from gateway.domain.webhooks.mapping import Mapping as FieldMapping
from gateway.domain.webhooks.reading import Change, Look
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.ids import new_id

Status = Literal["stored", "translated", "partly", "ignored", "duplicate", "failed"]
MAX_FAULTS: Final = 50


@dataclass(frozen=True, slots=True)
class ItemFault:
    """A field of one of the delivery's changes that could not be used."""

    change: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One request as it came, sealed, and what became of it: nothing yet while it is `stored`."""

    id: UUID
    connection_id: UUID
    received_at: datetime
    sealed: bytes = field(repr=False)
    sealed_on: date | None  # the day whose key opens it
    secret_id: UUID | None
    trace: (
        str | None
    )  # the request, by which its events are followed; an answer that we asked for has none
    status: Status = "stored"
    changes: int = 0
    told: int = 0
    faults: tuple[ItemFault, ...] = ()
    erased_at: datetime | None = None

    def with_faults(self, faults: tuple[ItemFault, ...]) -> "StoredDelivery":
        """Return the delivery with these faults, as many as are kept."""
        return replace(self, faults=faults[:MAX_FAULTS])

    def come_to(self, meaning: "Meaning") -> "StoredDelivery":
        """Return the delivery with what became of it."""
        read = replace(self, told=len(meaning.events), status=meaning.status)
        return read.with_faults(meaning.faults)


@dataclass(frozen=True, slots=True)
class Claim:
    """A change that a delivery takes for its own: what it is known by, what it says and of which record."""

    connection_id: UUID
    key: str
    delivery_id: UUID
    digest: bytes
    record: str | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """By delivery and key: what was new, and what was not but said something else when it was."""

    new: frozenset[tuple[UUID, str]]
    contradicting: frozenset[tuple[UUID, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Genuine:
    """A request that was believed: its bytes as they are kept."""

    connection_id: UUID
    received_at: datetime
    content: bytes = field(repr=False)
    secret_id: UUID | None = None
    trace: str | None = None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Telling:
    """A delivery that was read, and the events that go out with it."""

    delivery: StoredDelivery
    events: tuple[CrmChangeReceived, ...]


class Deliveries(Protocol):
    """The deliveries of one tenant, in one transaction."""

    async def keep(self, genuine: Sequence[Genuine]) -> Sequence[StoredDelivery]:
        """Store what came, to be read later; what is kept already stays as it is."""
        ...

    async def content(self, delivery: StoredDelivery) -> bytes:
        """Return the body of a delivery; raise `gone` if it was erased or its time is over."""
        ...

    async def claim(self, claims: Sequence[Claim]) -> Claimed:
        """Note keys as taken that no delivery had before. Of two claims to one key the first has it."""
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

    async def ask(self, delivery: StoredDelivery, records: Sequence[Change]) -> None:
        """Note that these records are to be read in the CRM: what the delivery said of them is not all."""
        ...

    async def compare(self, connection_id: UUID) -> None:
        """Let the connection be compared with its CRM as soon as that may be asked."""
        ...

    async def settle(self, told: Sequence[Telling]) -> None:
        """Note what became of deliveries; what they tell goes out with that or not at all."""
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

    def with_faults(self, more: Sequence[ItemFault]) -> "Meaning":
        """Return the meaning with more that could not be used."""
        return replace(self, faults=(*self.faults, *more))


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
