"""One statement on its way while the next is prepared: two processors, one connection (ADR 0015)."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self


class Overlap:
    """Runs awaitables one after the other, each while the caller computes what comes next.

    At the end of the block the last one has finished, whatever happened: the connection is free.
    """

    def __init__(self) -> None:
        self._running: asyncio.Task[Any] | None = None

    async def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for what runs, then set `work` going and come back."""
        try:
            await self.finish()
        except BaseException:
            work.close()
            raise
        self._running = asyncio.create_task(work)
        await breath()

    async def finish(self) -> None:
        """Wait for what runs; raise what it raised."""
        running, self._running = self._running, None
        if running:
            await running

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.finish()
            return
        with suppress(Exception):  # the first error is the one that counts
            await self.finish()


async def breath() -> None:
    """Let what runs take its next step; a computation does so every few milliseconds."""
    await asyncio.sleep(0)
