"""What the fold needs from the outside. Each docstring is the specification of its adapter."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID

from metrics_service.application.fold_entities import Columns, EntityRow
from metrics_service.application.fold_ledger import Balance, Entry
from metrics_service.application.fold_order import Dead, EntityKey
from metrics_service.application.fold_routes import Incoming, Kind
from metrics_service.application.fold_rules import Numbered
from metrics_service.projections.affected import Affected, PayScope
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import Key, LedgerKey, Vector
from onefunnel.audit.entry import Marked
from onefunnel.log.ownership import Advance, Claim
from onefunnel.log.port import Partition, TopicSpec


class Retry(Exception):
    """The database or another worker came between: nothing was done, the same turn may be made again."""


class AlreadyWritten(Exception):
    """The journal holds some of a turn's events though nothing had said so: make the turn the slow way."""


class SavedEntity(NamedTuple):
    """An entity row as it becomes; `facts` None moves its positions only."""

    id: UUID
    tenant_id: UUID
    sequences: tuple[int, ...]
    stored: bool
    columns: Columns | None
    facts: bytes | None
    credits: Sequence[tuple[UUID, object]]


class Period(NamedTuple):
    """A pay period: its name, its first and its last day."""

    name: str
    first: date
    last: date


class Standing(NamedTuple):
    """What a turn must know of its tenants before it reads anything else."""

    rules: Mapping[UUID, Numbered]
    anything_parked: bool
    anything_dead: bool


class Turn(Protocol):
    """One open transaction of the fold: partition rows, then tenants, entities, counters, pay keys.

    Every method that reads rows to change them locks them, in sorted order. Any database error that
    is not about the data itself is raised as `Retry`.
    """

    @property
    def generation(self) -> str:
        """Return the schema of the live generation; known after `lock_tenants`."""
        ...

    async def lock_partitions(self, claims: Collection[Claim]) -> None:
        """Lock partition rows. Raises `ClaimLost` unless each has this epoch and position and is running."""
        ...

    async def lock_tenants(self, tenants: Mapping[UUID, bool]) -> Standing:
        """Share the tenants (True: have alone) and the live generation until the end of the turn."""
        ...

    async def definitions(self, tenant_id: UUID, number: int) -> Definitions:
        """Return the snapshot of a tenant's rules with a number that the tenant has had."""
        ...

    async def entities(self, keys: Sequence[EntityKey], *, pending: bool) -> Sequence[EntityRow]:
        """Lock and return the entities that exist. `pending` asks also for what they were derived by."""
        ...

    async def journal_records(self, ids: Sequence[UUID]) -> dict[int, list[bytes]]:
        """Return the bytes in the journal under these event ids, by their numbers."""
        ...

    async def waiting_records(self, ids: Sequence[UUID]) -> dict[int, list[bytes]]:
        """Return the bytes parked or dead under these event ids, by their numbers."""
        ...

    async def parked(self, aggregate_ids: Sequence[UUID]) -> Sequence[Incoming]:
        """Return what is parked for these aggregates, in the order of their sequences."""
        ...

    async def append(self, events: Sequence[Incoming]) -> None:
        """Append to the journal. Raises `AlreadyWritten` if it holds some of them."""
        ...

    async def append_slowly(self, events: Sequence[Incoming]) -> Sequence[UUID]:
        """Append to the journal unless it holds some of them; then append none, and return those."""
        ...

    async def park(self, events: Sequence[Incoming]) -> None:
        """Keep events that wait for an earlier one."""
        ...

    async def unpark(self, ids: Sequence[UUID]) -> None:
        """Forget events that wait no longer."""
        ...

    async def bury(self, dead: Sequence[Dead]) -> None:
        """Keep dead events with their bytes and reason, and hold their keys where they say so."""
        ...

    async def open_dead(self, dead_id: int) -> Dead | None:
        """Lock a dead event that is open, behind its partition's row; None if there is none."""
        ...

    async def settle_dead(
        self, dead_id: int, status: str, actor: str, *, stepped_over: bool = False
    ) -> None:
        """Close a dead event and let go of its key; say whether its aggregate went on without it."""
        ...

    async def witness(self, row: Marked) -> None:
        """Add the row of the audit that says who did this."""
        ...

    async def fail_again(self, dead_id: int, dead: Dead) -> None:
        """Count an attempt, and keep why it failed."""
        ...

    async def save(self, kind: Kind, rows: Sequence[SavedEntity]) -> None:
        """Write entities of one kind, sorted by id. Raises `Retry` if a new one is there already."""
        ...

    async def save_streams(self, positions: Mapping[EntityKey, tuple[UUID, int]]) -> None:
        """Write the positions of aggregates without an entity row: tenant and sequence."""
        ...

    async def save_rules(
        self, tenant_id: UUID, number: int, definitions: Definitions, cause: UUID
    ) -> None:
        """Add a snapshot, and forget those that no pending entity refers to."""
        ...

    async def add(self, differences: Mapping[UUID, Mapping[Key, Vector]]) -> None:
        """Add differences to the counters, each table once, in sorted order; empty rows disappear."""
        ...

    async def affected(
        self, tenant_id: UUID, affected: Sequence[Affected], limit: int
    ) -> Sequence[EntityKey]:
        """Return the entities that these changes move, at most `limit` of them."""
        ...

    async def freeze(
        self, tenant_id: UUID, period: Period, rules: Definitions, cause: UUID
    ) -> None:
        """Keep the won deals booked in a period, as committed before this turn, with their rules, for good.

        Doing so twice changes nothing.
        """
        ...

    async def postpone(self, tenant_id: UUID, affected: Sequence[Affected], number: int) -> None:
        """Put all these entities into `rederive` with the rules they follow; those in it stay as they are."""
        ...

    async def take_pending(self, tenant_id: UUID, limit: int) -> Mapping[EntityKey, int]:
        """Return some pending entities, with the rules they follow."""
        ...

    async def cause_of_rules(self, tenant_id: UUID, number: int) -> UUID:
        """Return the event that brought a tenant's rules to a number."""
        ...

    async def settled(self, keys: Sequence[tuple[UUID, EntityKey]]) -> None:
        """Take entities out of `rederive`: they follow the present rules."""
        ...

    async def pay_keys(self, tenant_id: UUID, scopes: Sequence[PayScope]) -> Sequence[LedgerKey]:
        """Return the ledger keys with a pay total in these scopes."""
        ...

    async def balances(
        self, tenant_id: UUID, keys: Collection[LedgerKey]
    ) -> Mapping[LedgerKey, Balance]:
        """Lock ledger keys and return their pay totals and what the book has posted."""
        ...

    async def post(self, entries: Sequence[Entry]) -> None:
        """Append entries to the book."""
        ...

    async def defer(self, tenant_id: UUID, causes: Mapping[LedgerKey, UUID]) -> None:
        """Remember ledger keys to settle when nothing of the tenant is pending any more."""
        ...

    async def take_deferred(self, tenant_id: UUID) -> Mapping[LedgerKey, UUID]:
        """Take the remembered ledger keys of a tenant, with their causes."""
        ...

    async def advance(self, moves: Sequence[Advance]) -> Mapping[Partition, Claim]:
        """Move partitions on and renew their leases. Raises `ClaimLost` unless all are still mine."""
        ...

    async def halt(self, claim: Claim, reason: str) -> None:
        """Stop a partition where it is, until an operator resumes it."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[object]:
        """Open a savepoint: an error inside undoes what was done inside, and is raised."""
        ...


class FoldStore(Protocol):
    """The fold's database, on a connection of its own. Database errors come as `Retry`."""

    async def prepare(self, topics: Sequence[TopicSpec]) -> None:
        """Know every partition of these topics, and drop what a killed rebuild left."""
        ...

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Open a transaction; leaving it commits, an exception undoes it.

        Raises `Retry` where the commit's outcome is unknown: claim again and look.
        """
        ...

    async def take_share(self, held: Mapping[Partition, Claim]) -> Mapping[Partition, Claim]:
        """Be a member of the group; give up and claim partitions as its members want it, renew the rest.

        Return the claims from now on. With nothing held, also those that bear my name are claimed anew.
        """
        ...

    async def note_ends(self, ends: Callable[[], Awaitable[Mapping[Partition, int]]]) -> None:
        """Ask where the log ends and write it down, as of an instant before asking."""
        ...

    async def tenants_with_work(self) -> Sequence[UUID]:
        """Return the tenants with entities to be derived again, or ledger keys to be settled, that are mine.

        Each is one member's, as a partition is: that two do the same one's work is harmless, but a wait.
        """
        ...

    async def release(self) -> None:
        """Give every partition back and be no member any more."""
        ...
