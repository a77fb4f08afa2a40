"""One transaction of the fold on PostgreSQL: the port `Turn`, method by method."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final
from uuid import UUID

from metrics_service.adapters import (
    closed_rows,
    counter_rows,
    dead_rows,
    entity_rows,
    head_rows,
    journal_rows,
    ledger_rows,
    rules_rows,
    waiting_rows,
)
from metrics_service.adapters.driver import Driver, savepoint
from metrics_service.application.fold_entities import EntityRow
from metrics_service.application.fold_ledger import Balance, Entry
from metrics_service.application.fold_order import Dead, EntityKey
from metrics_service.application.fold_ports import Period, SavedEntity, Standing
from metrics_service.application.fold_routes import Incoming, Kind
from metrics_service.application.fold_rules import Numbered
from metrics_service.projections.affected import Affected, PayScope
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import Key, LedgerKey, Vector
from onefunnel.audit.entry import Marked
from onefunnel.audit.rows import add
from onefunnel.log import ownership
from onefunnel.log.ownership import Advance, Claim
from onefunnel.log.port import Partition

GROUP: Final = "metrics"
# A rebuild takes this lock alone, everything that changes projections shares it.
GENERATION_LOCK: Final = 0x6F6E_6566_756E_4E65

# Two-key locks never meet the one-key locks of ledger keys.
_TENANTS: Final = f"""
    SELECT pg_advisory_xact_lock_shared({GENERATION_LOCK}), CASE WHEN alone
        THEN pg_advisory_xact_lock(hashtext('tenant'), hashtext(id::text))
        ELSE pg_advisory_xact_lock_shared(hashtext('tenant'), hashtext(id::text)) END
    FROM unnest($1::uuid[], $2::bool[]) AS t (id, alone)"""

_LIVE: Final = """
    SELECT live, EXISTS (SELECT FROM parked_event), EXISTS (SELECT FROM dead_event)
    FROM projection_generation"""


def _rules(schema: str) -> str:
    return f"""
        SELECT tenant_id, max(rules), EXISTS (
            SELECT FROM {schema}.rederive r WHERE r.tenant_id = d.tenant_id)
        FROM {schema}.definitions d WHERE tenant_id = ANY($1) GROUP BY tenant_id"""


class PostgresTurn:
    """The statements of one transaction. Their order is the fold's, and so is the order of locks."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.generation = ""

    async def lock_partitions(self, claims: Collection[Claim]) -> None:
        """Lock partition rows and check them against the claims."""
        await ownership.lock(self._driver, GROUP, claims)

    async def lock_tenants(self, tenants: Mapping[UUID, bool]) -> Standing:
        """Lock tenants; what is read afterwards was committed before the locks were had."""
        await self._driver.execute(_TENANTS, list(tenants), list(tenants.values()))
        row = await self._driver.fetchrow(_LIVE)
        assert row is not None
        self.generation = f"g{row[0]}"
        rows = await self._driver.fetch(_rules(self.generation), list(tenants))
        return Standing({r[0]: Numbered(r[1], r[2]) for r in rows}, row[1], row[2])

    async def definitions(self, tenant_id: UUID, number: int) -> Definitions:
        """Return a snapshot of a tenant's rules."""
        return await rules_rows.snapshot(self._driver, self.generation, tenant_id, number)

    async def entities(self, keys: Sequence[EntityKey], *, pending: bool) -> list[EntityRow]:
        """Lock and return the entities that exist."""
        return await entity_rows.lock(self._driver, self.generation, keys, pending=pending)

    async def journal_records(self, ids: Sequence[UUID]) -> dict[int, list[bytes]]:
        """Return the bytes in the journal under these event ids."""
        return await journal_rows.records(self._driver, ids)

    async def waiting_records(self, ids: Sequence[UUID]) -> dict[int, list[bytes]]:
        """Return the bytes parked or dead under these event ids."""
        return await waiting_rows.records(self._driver, ids)

    async def parked(self, aggregate_ids: Sequence[UUID]) -> list[Incoming]:
        """Return what is parked for these aggregates."""
        return await waiting_rows.parked(self._driver, aggregate_ids)

    async def append(self, events: Sequence[Incoming]) -> None:
        """Append to the journal."""
        if events:
            await journal_rows.copy(self._driver, events)
            await head_rows.move(self._driver, events)

    async def append_slowly(self, events: Sequence[Incoming]) -> list[UUID]:
        """Append to the journal unless it holds some of the events."""
        held = await journal_rows.insert_slowly(self._driver, events) if events else []
        if events and not held:
            await head_rows.move(self._driver, events)
        return held

    async def park(self, events: Sequence[Incoming]) -> None:
        """Keep events that wait for an earlier one."""
        await waiting_rows.park(self._driver, events)

    async def unpark(self, ids: Sequence[UUID]) -> None:
        """Forget events that wait no longer."""
        await waiting_rows.unpark(self._driver, ids)

    async def bury(self, dead: Sequence[Dead]) -> None:
        """Keep dead events."""
        await dead_rows.bury(self._driver, dead)

    async def open_dead(self, dead_id: int) -> Dead | None:
        """Lock a dead event that is open."""
        return await dead_rows.open_dead(self._driver, GROUP, dead_id)

    async def settle_dead(
        self, dead_id: int, status: str, actor: str, *, stepped_over: bool = False
    ) -> None:
        """Close a dead event."""
        await dead_rows.settle(self._driver, dead_id, status, actor, stepped_over=stepped_over)

    async def witness(self, row: Marked) -> None:
        """Add a row to the audit."""
        await add(self._driver, row)

    async def fail_again(self, dead_id: int, dead: Dead) -> None:
        """Count an attempt."""
        await dead_rows.fail_again(self._driver, dead_id, dead)

    async def save(self, kind: Kind, rows: Sequence[SavedEntity]) -> None:
        """Write entities of one kind."""
        await entity_rows.save(self._driver, self.generation, kind, rows)

    async def save_streams(self, positions: Mapping[EntityKey, tuple[UUID, int]]) -> None:
        """Write the positions of aggregates without an entity row."""
        rows = [
            (UUID(int=number), tenant_id, code, sequence)
            for (code, number), (tenant_id, sequence) in sorted(positions.items())
        ]
        await entity_rows.save_streams(self._driver, self.generation, rows)

    async def save_rules(
        self, tenant_id: UUID, number: int, definitions: Definitions, cause: UUID
    ) -> None:
        """Add a snapshot of a tenant's rules."""
        await rules_rows.add_snapshot(
            self._driver, self.generation, tenant_id, number, (definitions, cause)
        )

    async def add(self, differences: Mapping[UUID, Mapping[Key, Vector]]) -> None:
        """Add differences to the counters."""
        await counter_rows.add(self._driver, self.generation, differences)

    async def affected(
        self, tenant_id: UUID, affected: Sequence[Affected], limit: int
    ) -> list[EntityKey]:
        """Return the entities that changes of rules move."""
        return await rules_rows.affected_keys(
            self._driver, self.generation, tenant_id, affected, limit
        )

    async def freeze(
        self, tenant_id: UUID, period: Period, rules: Definitions, cause: UUID
    ) -> None:
        """Keep the won deals of a period with their rules, for good."""
        await closed_rows.freeze(self._driver, self.generation, tenant_id, period, rules, cause)

    async def postpone(self, tenant_id: UUID, affected: Sequence[Affected], number: int) -> None:
        """Put the entities that changes of rules move into `rederive`."""
        await rules_rows.postpone(self._driver, self.generation, tenant_id, affected, number)

    async def take_pending(self, tenant_id: UUID, limit: int) -> dict[EntityKey, int]:
        """Return some pending entities."""
        return await rules_rows.take_pending(self._driver, self.generation, tenant_id, limit)

    async def cause_of_rules(self, tenant_id: UUID, number: int) -> UUID:
        """Return the event that brought a tenant's rules to a number."""
        return await rules_rows.cause_of(self._driver, self.generation, tenant_id, number)

    async def settled(self, keys: Sequence[tuple[UUID, EntityKey]]) -> None:
        """Take entities out of `rederive`."""
        await rules_rows.settled(self._driver, self.generation, keys)

    async def pay_keys(self, tenant_id: UUID, scopes: Sequence[PayScope]) -> list[LedgerKey]:
        """Return the ledger keys with a pay total in these scopes."""
        return await ledger_rows.pay_keys(self._driver, self.generation, tenant_id, scopes)

    async def balances(
        self, tenant_id: UUID, keys: Collection[LedgerKey]
    ) -> dict[LedgerKey, Balance]:
        """Lock ledger keys and return their totals and postings."""
        return await ledger_rows.balances(self._driver, self.generation, tenant_id, keys)

    async def post(self, entries: Sequence[Entry]) -> None:
        """Append entries to the book."""
        await ledger_rows.post(self._driver, entries)

    async def defer(self, tenant_id: UUID, causes: Mapping[LedgerKey, UUID]) -> None:
        """Remember ledger keys to settle later."""
        await ledger_rows.defer(self._driver, self.generation, tenant_id, causes)

    async def take_deferred(self, tenant_id: UUID) -> dict[LedgerKey, UUID]:
        """Take the remembered ledger keys."""
        return await ledger_rows.take_deferred(self._driver, self.generation, tenant_id)

    async def advance(self, moves: Sequence[Advance]) -> dict[Partition, Claim]:
        """Move partitions on and renew their leases."""
        return await ownership.advance(self._driver, GROUP, moves)

    async def halt(self, claim: Claim, reason: str) -> None:
        """Stop a partition where it is."""
        await ownership.halt(self._driver, GROUP, claim, reason)

    def savepoint(self) -> AbstractAsyncContextManager[object]:
        """Open a savepoint."""
        return savepoint(self._driver)
