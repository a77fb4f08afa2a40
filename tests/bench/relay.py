"""Events carried per second from an outbox to the PostgreSQL log, beside a relay that takes one row at a time."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import EventLog, Outgoing
from onefunnel.log.postgres_log import PostgresLog, prepare
from onefunnel.outbox.relay import Relay
from onefunnel.persistence.database import Database
from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import WORKER_ROLE, url_of
from onefunnel.testing.small_service import SOURCE, TENANT, accepted, create_tables
from onefunnel.wakeups import Listener
from standalone.host.postgres import SETTINGS
from tests.bench.harness import measure, report

EVENTS = int(os.environ.get("BENCH_EVENTS", "50000"))
FLOOR, AIM = 45_000, 120_000
NAIVE = 2_000


class Done(Listener):
    """Ends the relay as soon as it waits: the outbox is empty."""

    def __init__(self, stop: asyncio.Event) -> None:
        super().__init__()
        self._stop = stop

    async def wait(self, timeout_s: float) -> bool:
        self._stop.set()
        return True


@dataclass
class Bench:
    """A server with an outbox, and a log."""

    server: LocalServer
    worker: Database
    log: EventLog
    owner: "asyncpg.Connection[asyncpg.Record]"
    epochs: int = 0

    async def fill(self) -> None:
        """Put EVENTS finished events of a thousand leads into an empty outbox."""
        await self.owner.execute("TRUNCATE outbox; UPDATE relay_lease SET owner = NULL")
        rows = []
        for n in range(EVENTS):
            lead = UUID(int=n % 1000 << 64)
            (record,) = accepted(lead, after=n // 1000)
            place = partition_of(lead, 12)
            rows.append((TENANT, record.event_id, lead, record.topic, place, record.value))
        columns = ["tenant_id", "event_id", "key", "topic", "partition", "record"]
        await self.owner.copy_records_to_table("outbox", records=rows, columns=columns)
        # No checkpoint: rows are carried soon after they were written, not after their pages were.
        await self.owner.execute("ANALYZE outbox")

    async def relay(self) -> int:
        """Run the relay until it waits for more."""
        stop = asyncio.Event()
        await Relay(self.worker, self.log, SOURCE, Done(stop)).run(stop)
        return EVENTS

    async def one_at_a_time(self) -> int:
        """Carry NAIVE rows: read one, append it, delete it."""
        self.epochs += 1
        writer = await self.log.open_writer("naive", self.epochs)
        async with self.worker.driver() as connection:
            for _ in range(NAIVE):
                row = await connection.fetchrow("SELECT * FROM outbox ORDER BY id LIMIT 1")
                assert row is not None, "there are more events than NAIVE"
                record = Outgoing(row["topic"], row["partition"], row["key"], row["record"])
                await writer.append([record])
                await connection.execute("DELETE FROM outbox WHERE id = $1", row["id"])
        await writer.close()
        return NAIVE


@asynccontextmanager
async def bench(other: EventLog | None = None) -> AsyncIterator[Bench]:
    """Start a server of our own with the settings of the embedded host, and a log unless one is given."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="onefunnel-bench-"))
        server = LocalServer(Path(directory) / "postgres")
        server.initialise()
        server.start(SETTINGS)
        stack.callback(server.stop)
        url = server.url("")
        await provision(url, ["lead", "eventlog"])
        await prepare(url_of(url, "eventlog"))
        await create_tables(url_of(url, "lead"))
        lead, eventlog = (
            Database(url_of(url, name, role=WORKER_ROLE), pool_size=2, name="bench")
            for name in ("lead", "eventlog")
        )
        log = PostgresLog(eventlog)
        owner = await asyncpg.connect(url_of(url, "lead"))
        for closing in (lead.close, eventlog.close, log.close, owner.close):
            stack.push_async_callback(closing)
        yield Bench(server, lead, other or log, owner)


async def run() -> str:
    """Return the figure of the relay beside its yardstick."""
    async with bench() as stage:
        pid = stage.server.pid()
        assert pid is not None
        figure = await measure(
            f"relay of {EVENTS:,} events, 500 a batch",
            stage.relay,
            server_pid=pid,
            before=stage.fill,
        )
        naive = await measure(
            "the same, one row at a time", stage.one_at_a_time, server_pid=pid, before=stage.fill
        )
    return report("relay", figure, naive, floor=FLOOR, aim=AIM)
