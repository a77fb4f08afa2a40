"""Live updates: hints that a projection moved, never data. The page reads again under its own rights.

One task asks metrics-service where it stands, for all tenants that somebody listens to; however
many clients listen, the question is asked once.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from onefunnel.http.problems import Problem

POLL_S: Final = 1.0
HEARTBEAT_S: Final = 15.0
RECONNECT_MS: Final = 3_000
# The caller's key is checked when a stream opens, so none stays open for ever.
MAX_STREAM_S: Final = 900.0
MAX_STREAMS: Final = 1_000
MAX_STREAMS_PER_TENANT: Final = 100
MAX_PENDING: Final = 64

# With an id from the first line on, so that every reconnect is one that says so, and reads all again.
_BEGIN: Final = b"id: 0\nretry: %d\n\n" % RECONNECT_MS

# name of a projection -> where it stands
Standing = Mapping[str, Mapping[str, Any]]
Asker = Callable[[UUID], Awaitable[Standing | None]]
Listener = asyncio.Queue[bytes | None]


class Hints:
    """Everybody who listens, by tenant."""

    def __init__(self, ask: Asker, *, poll_s: float = POLL_S) -> None:
        self._ask = ask
        self._poll_s = poll_s
        self._listeners: dict[UUID, set[Listener]] = {}
        self._known: dict[UUID, Standing] = {}
        self._ids: Iterator[int] = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()

    def opened(
        self, tenant_id: UUID, *, resumed: bool, heartbeat_s: float = HEARTBEAT_S
    ) -> AsyncIterator[bytes]:
        """Return a new stream for one tenant; `rate-limited` if too many are open already."""
        if self._is_full(tenant_id):
            raise Problem("rate-limited", "Too many streams are open; close one first.")
        return self._stream(tenant_id, resumed, heartbeat_s)

    def part(self) -> None:
        """Say goodbye to everybody: the server stops. They come back to another one, and not all at once."""
        for listener in itertools.chain.from_iterable(self._listeners.values()):
            wait_ms = random.randint(RECONNECT_MS, 4 * RECONNECT_MS)  # noqa: S311 - spreads load
            _close(listener, b"retry: %d\n" % wait_ms + written("bye", {}, 0))

    async def _stream(
        self, tenant_id: UUID, resumed: bool, heartbeat_s: float
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of one stream until its client goes, falls behind, or had it long enough."""
        clock = asyncio.get_running_loop().time
        end = clock() + MAX_STREAM_S
        if self._is_full(tenant_id):  # of many that were let in at once the last come again later
            yield _BEGIN
            return
        listener = self._joined(tenant_id)
        try:
            yield _BEGIN
            if resumed:
                # Nothing is replayed: what the client shows may be old, so it reads all of it once.
                yield written("reset", {}, 0)
            while clock() < end and (event := await _next(listener, heartbeat_s)) is not None:
                yield event
        finally:
            self._leave(tenant_id, listener)

    def _is_full(self, tenant_id: UUID) -> bool:
        everybody = sum(len(group) for group in self._listeners.values())
        group = self._listeners.get(tenant_id, ())
        return everybody >= MAX_STREAMS or len(group) >= MAX_STREAMS_PER_TENANT

    def _joined(self, tenant_id: UUID) -> Listener:
        listener: Listener = asyncio.Queue(MAX_PENDING)
        self._listeners.setdefault(tenant_id, set()).add(listener)
        if self._task is None or self._task.done():
            self._idle = asyncio.Event()
            self._task = asyncio.create_task(self._poll(), name="gateway.hints")
        return listener

    def _leave(self, tenant_id: UUID, listener: Listener) -> None:
        group = self._listeners[tenant_id]
        group.discard(listener)
        if not group:
            del self._listeners[tenant_id]
            self._known.pop(tenant_id, None)
        if not self._listeners:
            self._idle.set()

    async def _poll(self) -> None:
        while self._listeners:
            for tenant_id in list(self._listeners):
                if (standing := await self._ask(tenant_id)) is not None:
                    self._compare(tenant_id, standing)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._idle.wait()
            except TimeoutError:
                continue

    def _compare(self, tenant_id: UUID, standing: Standing) -> None:
        before = self._known.get(tenant_id)
        self._known[tenant_id] = standing
        if before is None:  # the first look tells nobody anything new
            return
        for projection, now in standing.items():
            if now != before.get(projection):
                self._tell(tenant_id, {"projection": projection, **now})

    def _tell(self, tenant_id: UUID, hint: Mapping[str, Any]) -> None:
        event = written("projection", hint, next(self._ids))
        for listener in self._listeners.get(tenant_id, ()):
            if listener.qsize() >= MAX_PENDING - 1:
                _close(listener)  # too slow: it will reconnect and read everything again
            else:
                listener.put_nowait(event)


async def _next(listener: Listener, heartbeat_s: float) -> bytes | None:
    try:
        async with asyncio.timeout(heartbeat_s):
            return await listener.get()
    except TimeoutError:
        return b": still here\n\n"


def written(event: str, data: Mapping[str, Any], number: int) -> bytes:
    """Return one Server-Sent Event."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, event.encode(), orjson.dumps(data))


def _close(listener: Listener, last: bytes | None = None) -> None:
    while not listener.empty():
        listener.get_nowait()
    if last is not None:
        listener.put_nowait(last)
    listener.put_nowait(None)
