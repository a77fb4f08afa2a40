"""How long after its commit an event is in the numbers run apart: outbox, relay, Kafka and fold, at 500 a second.

Relay and fold are the processes of the compose file. Events are committed to lead-service's outbox one by one, as a
request commits them; the request itself is in `intake`.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
import psutil

from onefunnel.log.port import Outgoing
from onefunnel.testing.kafka_broker import LocalBroker
from tests.bench.harness import load, percentiles, verdict
from tests.bench.visible import Watch
from tests.bench.workload import TENANT, stream
from tests.deployment.compose import demanded
from tests.integration.plain_processes import PlainPostgres, Topology

RATE, SECONDS, WARM_UP_S = 500, 20, 4
LEADS = 2_000
MIGRATIONS, WORKERS = ("lead-migrate", "metrics-migrate"), ("lead-worker", "metrics-worker")
P50_GOAL_MS, P99_GOAL_MS, MEMORY_GOAL_MB = 100.0, 500.0, 250

_COMMIT = "INSERT INTO outbox (tenant_id, event_id, key, topic, partition, record) VALUES ($1, $2, $3, $4, $5, $6)"


@dataclass
class Stage:
    """The two workers, and the databases that they work between."""

    topology: Topology
    outbox: "asyncpg.Connection[asyncpg.Record]"
    journal: "asyncpg.Connection[asyncpg.Record]"

    def megabytes(self, name: str) -> float:
        """Return the resident memory of a worker."""
        return psutil.Process(self.topology.started[name].pid).memory_info().rss / 1e6


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onefunnel-bench-")))
        broker = LocalBroker(room / "kafka")
        broker.create()
        stack.callback(broker.kill)
        secrets = {name: f"{name.lower()}-{'x' * 32}" for name in demanded()}
        database = PlainPostgres(room, secrets)
        database.start()
        stack.callback(database.stop)
        topology = Topology(secrets, postgres=database.address, kafka=broker.bootstrap, logs=room)
        stack.callback(topology.end)
        for names in (MIGRATIONS, WORKERS):
            topology.begin(*names)
            for name in names:
                topology.well(name)
        owner = f"postgresql://postgres:{secrets['POSTGRES_PASSWORD']}@{database.address}"
        opened = [await asyncpg.connect(f"{owner}/{name}") for name in ("lead", "metrics")]
        for connection in opened:
            stack.push_async_callback(connection.close)
        yield Stage(topology, *opened)


async def run() -> str:
    """Return the percentiles of commit → visible, and what the workers hold."""
    async with _stage() as stage:
        watch = Watch(stage.journal)
        per_second = await _paced(stage, watch)
        held = max(map(stage.megabytes, WORKERS))
    p50, p99 = percentiles(watch.took_ms)
    return (
        f"\nkafka_visible ({load()})\n"
        f"  commit → visible, {len(watch.took_ms):,} events at {per_second:.0f}/s (wanted {RATE})"
        f"   p50 {p50:.1f} ms, p99 {p99:.1f} ms\n"
        f"  goal p50 {P50_GOAL_MS:.0f}: {verdict(p50, floor=P50_GOAL_MS, aim=0)};"
        f" p99 {P99_GOAL_MS:.0f}: {verdict(p99, floor=P99_GOAL_MS, aim=0)};"
        f" the larger worker holds {held:.0f} MB, goal {MEMORY_GOAL_MB}"
    )


async def _paced(stage: Stage, watch: Watch) -> float:
    """Commit events at an even pace, first to warm up; return how many a second it came to."""
    looking = asyncio.create_task(watch.look())
    records = stream(LEADS)
    await _commit(stage, watch, itertools.islice(records, RATE * WARM_UP_S))
    watch.took_ms.clear()
    began = time.perf_counter()
    n = await _commit(stage, watch, itertools.islice(records, RATE * SECONDS))
    took = time.perf_counter() - began
    watch.writing = False
    await looking
    return n / took


async def _commit(stage: Stage, watch: Watch, records: Iterable[Outgoing]) -> int:
    began, done = time.perf_counter(), 0
    for record in records:
        event_id = UUID(orjson.loads(record.value)["id"])
        while done > (time.perf_counter() - began) * RATE:
            await asyncio.sleep(1 / RATE)
        await stage.outbox.execute(
            _COMMIT, TENANT, event_id, record.key, record.topic, record.partition, record.value
        )
        watch.committed[event_id] = time.perf_counter()
        done += 1
    return done
