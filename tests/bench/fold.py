"""Events folded per second from the PostgreSQL log, everything on, beside one transaction per event."""

import itertools
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.generation_schema import TABLES
from metrics_service.application.fold import Fold, Limits, spare_the_collector
from onefunnel.log.port import EventLog
from onefunnel.log.postgres_log import PostgresLog, prepare
from onefunnel.persistence.database import Database
from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.migrations import upgrade
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import WORKER_ROLE, url_of
from standalone.host.postgres import SETTINGS
from tests.bench.harness import measure, report
from tests.bench.workload import stream

LEADS = int(os.environ.get("BENCH_LEADS", "10000"))
FLOOR, AIM = 35_000, 55_000
NAIVE = 2_000  # events of the yardstick
APPEND = 1_000


@dataclass
class Bench:
    """A server with a filled log and an empty metrics database."""

    server: LocalServer
    log: EventLog
    metrics: Database
    owner: asyncpg.Connection
    events: int

    async def empty(self) -> None:
        """Forget everything that was folded; the log stays."""
        public = ("journal", "parked_event", "key_hold", "dead_event", "ledger_entry")
        tables = [*public, "stream_partition", *(f"g1.{table}" for table in TABLES)]
        await self.owner.execute(
            "SET session_replication_role = replica;"
            f"TRUNCATE {', '.join(tables)};"
            "SET session_replication_role = DEFAULT; CHECKPOINT"
        )

    async def fold(self, upto: int | None = None, **limits: int) -> int:
        """Fold the log, or so many events of it; return how many."""
        spare_the_collector()
        store = PostgresFoldStore(self.metrics, "bench")
        fold = Fold(store, self.log, Limits(wait_s=0, **limits))
        reader = self.log.reader()
        await fold.start()
        done = 0
        while upto is None or done < upto:
            taken = await fold.turn(reader)
            if not taken:
                break
            done += taken
        await fold.let_go()
        await store.close()
        await reader.close()
        return done


@asynccontextmanager
async def bench(leads: int = LEADS, other: EventLog | None = None) -> AsyncIterator[Bench]:
    """Start a server of our own, with the settings of the embedded host, and fill its log or the given one."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="onefunnel-bench-"))
        server = LocalServer(Path(directory) / "postgres")
        server.initialise()
        server.start(SETTINGS)
        stack.callback(server.stop)
        await provision(server.url(""), ["eventlog", "metrics"])
        await prepare(url_of(server.url(""), "eventlog"))
        await upgrade(url_of(server.url(""), "metrics"), "metrics_service")
        databases = [
            Database(url_of(server.url(""), name, role=WORKER_ROLE), pool_size=4, name="bench")
            for name in ("eventlog", "metrics")
        ]
        for database in databases:
            stack.push_async_callback(database.close)
        log = PostgresLog(databases[0])
        stack.push_async_callback(log.close)
        owner = await asyncpg.connect(url_of(server.url(""), "metrics"))
        stack.push_async_callback(owner.close)
        filled = other or log
        yield Bench(server, filled, databases[1], owner, await _fill(filled, leads))


async def _fill(log: EventLog, leads: int) -> int:
    """Append the company's stream; nothing of it stays in memory."""
    writer, filled = await log.open_writer("bench", 1), 0
    records = stream(leads)
    while some := list(itertools.islice(records, APPEND)):
        await writer.append(some)
        filled += len(some)
    await writer.close()
    return filled


async def run() -> str:
    """Return the figure of the fold beside its yardstick."""
    async with bench() as stage:
        pid = stage.server.pid()
        assert pid is not None
        figure = await measure(
            f"fold of {stage.events:,} events, 1,000 a turn",
            stage.fold,
            server_pid=pid,
            before=stage.empty,
        )
        naive = await measure(
            "the same fold, one transaction per event",
            lambda: stage.fold(NAIVE, events=1),
            server_pid=pid,
            before=stage.empty,
        )
    return report("fold", figure, naive, floor=FLOOR, aim=AIM)
