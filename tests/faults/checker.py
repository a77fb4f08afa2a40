"""What must hold after every episode, compared with an oracle that is fed only by what clients were told."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from metrics_service.adapters.counter_tables import TABLE_OF
from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.verify import verify
from metrics_service.projections.keys import PayKey
from onefunnel.events.topics import TOPICS
from onefunnel.log.port import EventLog, Partition
from onefunnel.persistence.database import Database

from .company import Told, oracles
from .world import World

PARTITIONS = [Partition(topic.name, n) for topic in TOPICS for n in range(topic.partitions)]


@dataclass(frozen=True)
class Eyes:
    """What looks at a world."""

    world: World
    log: EventLog
    metrics: asyncpg.Connection
    verifying: Database


@asynccontextmanager
async def eyes(world: World, log: EventLog) -> AsyncIterator[Eyes]:
    """Look at a world as long as the block runs."""
    metrics = await asyncpg.connect(world.metrics.owner_url)
    verifying = Database(world.metrics.worker_url, pool_size=1, name="checker")
    try:
        yield Eyes(world, log, metrics, verifying)
    finally:
        await metrics.close()
        await verifying.close()


async def check(
    eyes: Eyes, told: Sequence[Told], *, garbage: Collection[bytes] = frozenset()
) -> None:
    """Check all invariants of a world in which everything was told and everything has come to rest.

    `garbage` was published too, and must have had no effect.
    """
    await check_published(eyes.log, told, garbage)
    await check_positions(eyes.metrics, eyes.log)
    await check_each_event_has_one_fate(eyes.metrics, told)
    await check_numbers(eyes.metrics, told)
    await check_nothing_is_held(eyes.metrics, eyes.world)
    assert (await verify(PostgresVerifyStore(eyes.verifying))).right, "verify"


async def check_published(
    log: EventLog, told: Sequence[Told], garbage: Collection[bytes] = frozenset()
) -> None:
    """I1, I2: the log holds exactly what was told; each aggregate's steps back are exact repeats."""
    found = await records(log)
    values = [value for _, value in found if value not in garbage]
    assert set(values) == {one.record.value for one in told}, "I1 the log is what was told"
    streams: dict[tuple[str, str], list[int]] = defaultdict(list)
    for value in dict.fromkeys(values):
        envelope = orjson.loads(value)
        if "sequence" in envelope:
            place = (envelope["aggregatetype"], envelope["subject"])
            streams[place].append(int(envelope["sequence"]))
    for place, numbers in streams.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"I2 {place}"


async def records(log: EventLog) -> list[tuple[Partition, bytes]]:
    """Return all that the log holds, partition by partition."""
    reader, found = log.reader(), []
    wanted = await log.start_positions(PARTITIONS)
    while slices := await reader.fetch(wanted, max_records=10_000, max_bytes=1 << 26, wait_s=0):
        for partition, slice_ in slices.items():
            found += [(partition, value) for value in slice_.values]
            wanted[partition] = slice_.next_position
    await reader.close()
    return sorted(found, key=lambda pair: pair[0])  # stable: order within a partition stays


async def check_positions(metrics: asyncpg.Connection, log: EventLog) -> None:
    """I5, I8: every partition stands at the end of the log, none is halted."""
    ends = await log.end_positions(PARTITIONS)
    rows = await metrics.fetch(
        "SELECT topic, partition, next_position, status FROM stream_partition"
    )
    assert {Partition(r[0], r[1]): r[2] for r in rows} == ends, "I5 positions"
    assert {row["status"] for row in rows} == {"running"}, "I8 halted"


async def check_each_event_has_one_fate(metrics: asyncpg.Connection, told: Sequence[Told]) -> None:
    """I6: each event is in the journal once, byte for byte, and nowhere else."""
    rows = await metrics.fetch("SELECT record FROM journal")
    journal = Counter(bytes(row["record"]) for row in rows)
    expected = {one.record.value for one in told}
    assert set(journal) == expected, "I6 lost or made up"
    assert max(journal.values(), default=1) == 1, "I6 counted twice"
    for table in ("parked_event", "dead_event WHERE status = 'open'", "key_hold"):
        assert await metrics.fetchval(f"SELECT count(*) FROM {table}") == 0, f"I6 {table}"


async def check_numbers(metrics: asyncpg.Connection, told: Sequence[Told]) -> None:
    """I3, I4: every counter of every tenant, and every cent owed, is what the oracle says."""
    schema = f"g{await metrics.fetchval('SELECT live FROM projection_generation')}"
    for tenant, oracle in oracles(told).items():
        assert await counters(metrics, schema, tenant) == oracle.counters(), "I3 counters"
        assert await owed(metrics, tenant) == oracle.owed(), "I4 ledger"


async def counters(metrics: asyncpg.Connection, schema: str, tenant: UUID) -> dict[Any, Any]:
    """Return a tenant's counters as the oracle words them."""
    found = {}
    for kind, table in TABLE_OF.items():
        if kind is PayKey:
            continue
        query = f"SELECT * FROM {schema}.{table.name} WHERE tenant_id = $1"
        for row in map(tuple, await metrics.fetch(query, tenant)):
            split = 1 + len(table.key)
            key = tuple(UUID(bytes=f.bytes) if isinstance(f, UUID) else f for f in row[1:split])
            found[kind.__name__, key] = row[split:]
    return found


async def owed(metrics: asyncpg.Connection, tenant: UUID) -> dict[Any, int]:
    """Return the sums of a tenant's book as the oracle words them."""
    rows = await metrics.fetch(
        "SELECT payee_id, component, earned_period, currency, sum(amount_minor)::bigint"
        " FROM ledger_entry WHERE tenant_id = $1 GROUP BY 1, 2, 3, 4 HAVING sum(amount_minor) <> 0",
        tenant,
    )
    return {(UUID(bytes=r[0].bytes), *tuple(r)[1:4]): r[4] for r in rows}


async def check_nothing_is_held(metrics: asyncpg.Connection, world: World) -> None:
    """I9: no connection and no lock of a process that has ended."""
    names = [database.name for database in world.databases.values()]
    rows = await metrics.fetch(
        "SELECT application_name, state FROM pg_stat_activity WHERE datname = ANY($1)"
        " AND pid <> pg_backend_pid() AND application_name = ANY($2)",
        names,
        ["producer", "relay", "fold", "rebuild"],
    )
    assert rows == [], "I9 connections"
    prepared = await metrics.fetchval(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE d.datname = ANY($1) AND l.pid <> pg_backend_pid() AND l.locktype <> 'virtualxid'"
        " AND l.pid NOT IN (SELECT pid FROM pg_stat_activity WHERE application_name IN ('log', 'checker', ''))",
        names,
    )
    assert prepared == 0, "I9 locks"
