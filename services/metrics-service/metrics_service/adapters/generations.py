"""Generations: which is live, what is left over, and making a new one while the fold waits."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final
from uuid import UUID

import asyncpg

from metrics_service.adapters import generation_writing
from metrics_service.adapters.driver import Driver
from metrics_service.adapters.fold_turn import GENERATION_LOCK, GROUP
from metrics_service.adapters.generation_schema import PROJECTIONS, indexes_ddl, shape, tables_ddl
from metrics_service.adapters.journal_reading import PostgresJournal
from metrics_service.application.fold_order import AggregateKey
from metrics_service.application.fold_recount import ENTITY_CODES, Counted
from metrics_service.application.rebuild import Building, Changed
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import Key, LedgerKey, Vector
from onefunnel.errors import conflict
from onefunnel.persistence.database import Database

# Held by the connection, not by a transaction: one rebuild at a time, and its end is certain.
REBUILD_LOCK: Final = GENERATION_LOCK - 1
_TIDY_LOCK: Final = GENERATION_LOCK - 2
# Who tidies up shares the lock, and is soon done; whoever wants it alone makes a generation.
_BUILDS: Final = """
    SELECT EXISTS (SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = $1)"""
_LEFT_OVER: Final = """
    SELECT nspname FROM pg_namespace, projection_generation
    WHERE nspname ~ '^g[0-9]+$' AND nspname <> 'g' || live AND nspname <> 'g' || coalesce(previous, 0)"""


async def drop_left_over(driver: Driver) -> list[str]:
    """Drop what killed rebuilds left behind, unless a rebuild runs or somebody else does it now."""
    async with _tried(driver, "lock", _TIDY_LOCK) as alone:
        if not alone:
            return []
        async with _tried(driver, "lock_shared", REBUILD_LOCK) as nobody_builds:
            schemas = await driver.fetch(_LEFT_OVER) if nobody_builds else []
            for schema in schemas:
                await driver.execute(f"DROP SCHEMA {schema[0]} CASCADE")
    return [schema[0] for schema in schemas]


@asynccontextmanager
async def _tried(driver: Driver, kind: str, key: int) -> AsyncIterator[bool]:
    """Hold a lock for as long as this lasts, if nobody else has it; say whether."""
    held: bool = await driver.fetchval(f"SELECT pg_try_advisory_{kind}($1)", key)
    try:
        yield held
    finally:
        if held:
            await driver.execute(f"SELECT pg_advisory_un{kind}($1)", key)


class PostgresGenerations:
    """Makes generations as the worker role, which owns them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_current(self) -> bool:
        """Say whether the live generation has the shape that this release writes."""
        async with self._database.driver() as driver:
            known = await driver.fetchval("SELECT shape FROM projection_generation")
            return bool(known == shape())

    @asynccontextmanager
    async def building(self) -> AsyncIterator[Building]:
        """Stop the fold and open a new generation; unless switched to, it is dropped."""
        async with AsyncExitStack() as stack:
            holder = await stack.enter_async_context(self._database.driver(patient=True))
            writer = await stack.enter_async_context(self._database.driver(patient=True))
            await _begin_alone(holder)
            await _drop_all_but_live(holder)
            await stack.enter_async_context(holder.transaction())
            building = await _begun(holder, writer)
            try:
                yield building
            finally:
                if not building.switched:
                    await building.drop()


async def _begin_alone(driver: Driver) -> None:
    """Take the lock of rebuilds, which ends with the connection; raise `conflict` if another builds."""
    if await driver.fetchval("SELECT pg_try_advisory_lock($1)", REBUILD_LOCK):
        return
    if await driver.fetchval(_BUILDS, REBUILD_LOCK):
        raise conflict("A rebuild is running already.")
    await driver.execute("SELECT pg_advisory_lock($1)", REBUILD_LOCK)


async def _drop_all_but_live(driver: Driver) -> None:
    await driver.execute("UPDATE projection_generation SET previous = NULL")
    for row in await driver.fetch(_LEFT_OVER):
        await driver.execute(f"DROP SCHEMA {row[0]} CASCADE")


async def _begun(holder: Driver, writer: Driver) -> "PostgresBuilding":
    """Take the partitions, then everything that shares the live generation, as turns do."""
    await holder.execute(
        "SELECT FROM stream_partition WHERE group_id = $1 ORDER BY topic, partition FOR UPDATE",
        GROUP,
    )
    await holder.execute("SELECT pg_advisory_xact_lock($1)", GENERATION_LOCK)
    row = await holder.fetchrow("SELECT live, shape FROM projection_generation")
    assert row is not None
    building = PostgresBuilding(holder, writer, row["live"], comparable=row["shape"] == shape())
    await writer.execute("BEGIN")
    for statement in tables_ddl(building.schema):
        await writer.execute(statement)
    return building


class PostgresBuilding:
    """An open rebuild: `holder` keeps everybody else out, `writer` fills the new schema."""

    def __init__(self, holder: Driver, writer: Driver, live: int, *, comparable: bool) -> None:
        self._holder = holder
        self._writer = writer
        self._old = f"g{live}"
        self._comparable = comparable
        self.number = live + 1
        self.schema = f"g{self.number}"
        self.journal = PostgresJournal(holder)
        self.switched = False

    async def events(self) -> int:
        """Return how many events of entities the journal has."""
        count: int = await self._holder.fetchval(
            "SELECT count(*) FROM journal WHERE aggregate_code = ANY($1)", ENTITY_CODES
        )
        return count

    async def write(self, entities: Sequence[Counted]) -> None:
        """Write entity rows."""
        await generation_writing.copy_entities(self._writer, self.schema, entities)

    async def finish(
        self,
        rules: Mapping[UUID, Definitions],
        totals: Mapping[UUID, Mapping[Key, Vector]],
        stepped_over: Mapping[AggregateKey, tuple[UUID, int]],
    ) -> None:
        """Write the rest, make the indexes, check the sums, commit."""
        writer = self._writer
        await generation_writing.copy_streams(writer, self.schema, stepped_over)
        await generation_writing.copy_rules(writer, self.schema, self._old, rules)
        await generation_writing.copy_counters(writer, self.schema, totals)
        for statement in indexes_ddl(self.schema):
            await writer.execute(statement)
        await generation_writing.check_sums(writer, self.schema, totals)
        await writer.execute("COMMIT")
        await writer.execute(f"ANALYZE {', '.join(f'{self.schema}.{t}' for t in PROJECTIONS)}")

    async def posted(self) -> dict[UUID, dict[LedgerKey, int]]:
        """Return the sums of the book."""
        return await generation_writing.posted(self._holder)

    async def due(self, keys: Mapping[UUID, Sequence[LedgerKey]]) -> list[tuple[UUID, LedgerKey]]:
        """Hand on what the old generation still had to settle."""
        return await generation_writing.hand_on_due(self._writer, self.schema, self._old, keys)

    async def compare(self) -> list[Changed]:
        """Compare the generations; those of two shapes cannot be."""
        if not self._comparable:
            return []
        return [
            await generation_writing.compare(self._writer, table, self.schema, self._old)
            for table in PROJECTIONS
        ]

    async def switch(self) -> None:
        """Switch and let go: the commit of the transaction that holds everybody else out."""
        await self._holder.execute(
            "UPDATE projection_generation SET previous = live, live = $1, shape = $2,"
            " folded_at = now()",
            self.number,
            shape(),
        )
        self.switched = True

    async def drop(self) -> None:
        """Drop the schema that nobody will read. What cannot be dropped now is dropped at the next start."""
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._writer.execute("ROLLBACK")
            await self._writer.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
