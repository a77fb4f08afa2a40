"""Leads taken in over HTTP in batches of 500, through the gateway of a running stack, beside one by one."""

import asyncio
from itertools import count

import aiohttp
import orjson
import psutil

from tests.bench.harness import Figure, load, measure, verdict
from tests.bench.running import Running, running

BATCH, BATCHES, CLIENTS = 500, 12, 3
ONE_BY_ONE = 300
FLOOR = AIM = 8_000

_numbers = count()


def batch() -> bytes:
    """Return the body of a batch of leads that nobody has sent before."""
    return orjson.dumps({"source": "bench", "items": [_item(next(_numbers)) for _ in range(BATCH)]})


def _item(n: int) -> dict[str, object]:
    capture = {
        "do": "lead.capture",
        "external": {"source": "bench", "id": f"lead-{n}"},
        "captured_at": f"2026-{n % 6 + 1:02}-{n % 28 + 1:02}T09:00:00Z",
        "source": "webinar",
        "segment": "smb",
        "name": f"Ada Example {n}",
    }
    return {"key": f"row {n}", "commands": [capture]}


async def _post(session: aiohttp.ClientSession, path: str, body: bytes, status: int) -> None:
    async with session.post(path, data=body) as answer:
        content = await answer.read()
        assert answer.status == status, content
        assert b'"rejected"' not in content, content


class Intake:
    """Sends leads; bodies are made before the clock runs."""

    def __init__(self, stack: Running, session: aiohttp.ClientSession) -> None:
        self._stack = stack
        self._session = session
        self._bodies: list[bytes] = []

    async def prepare(self) -> None:
        """Let the worker finish what came before, and make the next round's bodies."""
        await self._stack.folded()
        self._bodies = [batch() for _ in range(BATCHES)]

    async def in_batches(self) -> int:
        """Send all bodies, some at a time."""

        async def some() -> None:
            while self._bodies:
                await _post(self._session, "/v1/batches", self._bodies.pop(), 200)

        await asyncio.gather(*(some() for _ in range(CLIENTS)))
        return BATCH * BATCHES

    async def without_worker(self) -> int:
        """Send all bodies while the worker process stands still: the intake alone."""
        worker = psutil.Process(self._stack.pid("worker"))
        worker.suspend()
        try:
            return await self.in_batches()
        finally:
            worker.resume()

    async def one_by_one(self) -> int:
        """Send one lead after the other."""
        for _ in range(ONE_BY_ONE):
            lead = {"source": "webinar", "captured_at": "2026-03-01T09:00:00Z", "name": "Ada"}
            await _post(self._session, "/v1/leads", orjson.dumps(lead), 201)
        return ONE_BY_ONE


async def run() -> str:
    """Return the figures with the fold at work, without it, and one by one."""
    async with running() as stack, stack.session() as session:
        intake, web = Intake(stack, session), [stack.pid("web")]

        async def figure(name: str, work: str) -> Figure:
            return await measure(
                name,
                getattr(intake, work),
                server_pid=stack.postgres,
                before=intake.prepare,
                others=web,
            )

        await intake.prepare()
        await intake.in_batches()
        alone = await figure("leads in batches of 500, worker standing still", "without_worker")
        whole = await figure("the same, relay and fold at work", "in_batches")
        naive = await figure("POST /v1/leads, one by one", "one_by_one")
    goal = verdict(alone.per_second, floor=FLOOR, aim=AIM)
    return (
        f"\nbatches ({load()})\n  {alone}\n  {whole}\n  {naive}\n"
        f"  ratio {alone.per_second / naive.per_second:.1f} ×   goal {FLOOR:,}/s: {goal}"
    )
