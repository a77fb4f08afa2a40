"""How long after its commit a lead is in the numbers, at 500 events a second through relay, log and fold.

The web part runs in this process, relay and fold in the host's worker process, woken as always.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import asyncpg
import orjson

from onefunnel.persistence.urls import url_of
from tests.bench.harness import load, percentiles, verdict
from tests.bench.inside import Inside, inside

RATE, SECONDS, WARM_UP_S = 500, 20, 4
AT_ONCE = 12  # requests under way at most; on a machine that is too slow the pace falls instead
LOOK_S = 0.002  # between two looks at the journal
STRAGGLERS_S = 10
PROBES = 300
P50_FLOOR, P50_AIM = 40.0, 12.0
P99_FLOOR, P99_AIM = 250.0, 60.0

_SEEN = "SELECT event_id FROM journal WHERE event_id = ANY($1::uuid[])"
_BODY = orjson.dumps(
    {"source": "webinar", "captured_at": "2026-03-01T09:00:00Z", "name": "Ada Example"}
)


@dataclass
class Watch:
    """When each event was committed, and how long until it was seen."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    committed: dict[UUID, float] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)
    writing: bool = True

    async def look(self) -> None:
        """Look into the journal every two milliseconds, until all is there and no more comes."""
        give_up = time.perf_counter() + WARM_UP_S + SECONDS + STRAGGLERS_S
        while self.writing or self.committed:
            assert time.perf_counter() < give_up, f"{len(self.committed)} events never came"
            if self.committed:
                rows = await self.connection.fetch(_SEEN, list(self.committed))
                now = time.perf_counter()
                self.took_ms += [(now - self.committed.pop(row[0])) * 1e3 for row in rows]
            await asyncio.sleep(LOOK_S)


async def run() -> str:
    """Return the percentiles of commit → visible, beside a bare INSERT and SELECT."""
    async with inside() as stack, stack.worker():
        connection = await asyncpg.connect(url_of(stack.server.url(""), "metrics"))
        try:
            watch = Watch(connection)
            per_second = await _paced(stack, watch)
            bare = await _bare(connection)
        finally:
            await connection.close()
    p50, p99 = percentiles(watch.took_ms)
    bare50, bare99 = percentiles(bare)
    goals = (
        f"p50 floor {P50_FLOOR:.0f}, aim {P50_AIM:.0f}:"
        f" {verdict(p50, floor=P50_FLOOR, aim=P50_AIM)};"
        f" p99 floor {P99_FLOOR:.0f}, aim {P99_AIM:.0f}:"
        f" {verdict(p99, floor=P99_FLOOR, aim=P99_AIM)}"
    )
    return (
        f"\nvisible ({load()})\n"
        f"  commit → visible, {len(watch.took_ms):,} events at {per_second:.0f}/s"
        f" (wanted {RATE})   p50 {p50:.1f} ms, p99 {p99:.1f} ms\n"
        f"  a bare INSERT and SELECT                        p50 {bare50:.1f} ms, p99 {bare99:.1f} ms\n"
        f"  {goals}"
    )


async def _paced(stack: Inside, watch: Watch) -> float:
    """Capture leads at an even pace, first to warm up; return how many a second it came to."""
    client, numbers = stack.client("gateway"), count()

    async def capture() -> None:
        key = (b"idempotency-key", f"visible-{next(numbers)}".encode())
        answer = await client.request(
            "POST", "/v1/leads", query="", headers=stack.headers(key), body=_BODY
        )
        committed = time.perf_counter()
        assert answer.status == 201, answer.body
        event_id = next(v for n, v in answer.headers if n.lower() == b"event-id")
        watch.committed[UUID(event_id.decode())] = committed

    looking = asyncio.create_task(watch.look())
    await _at_pace(capture, WARM_UP_S)
    watch.took_ms.clear()
    began = time.perf_counter()
    n = await _at_pace(capture, SECONDS)
    took = time.perf_counter() - began
    watch.writing = False
    await looking
    return n / took


async def _at_pace(work: Callable[[], Awaitable[None]], seconds: float) -> int:
    """Start `work` RATE times a second; what is late is made up for, at once."""
    began, started, free = time.perf_counter(), 0, asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        try:
            await work()
        finally:
            free.release()

    async with asyncio.TaskGroup() as group:
        while (passed := time.perf_counter() - began) < seconds:
            if started >= int(passed * RATE):
                await asyncio.sleep(1 / RATE)
                continue
            await free.acquire()
            group.create_task(one())
            started += 1
    return started


async def _bare(connection: "asyncpg.Connection[asyncpg.Record]") -> list[float]:
    """Return the milliseconds of committing a row and reading it again."""
    await connection.execute("CREATE TABLE bare (id INT PRIMARY KEY, body BYTEA)")
    found = []
    for n in range(PROBES):
        began = time.perf_counter()
        await connection.execute("INSERT INTO bare VALUES ($1, $2)", n, _BODY)
        await connection.fetchval("SELECT body FROM bare WHERE id = $1", n)
        found.append((time.perf_counter() - began) * 1e3)
    return found
