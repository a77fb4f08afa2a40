"""Cutting a request off wherever it waits, one place after the other."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class CutOff:
    """Awaits a coroutine, and cancels its task at the n-th place where it waits; 0 is nowhere."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int) -> None:
        self._work = work
        self._at = at
        self.waits = 0

    def __await__(self) -> Generator[Any, None, Any]:
        """Give on every wait, and every error that ends one."""
        inner, error = self._work.__await__(), None
        while True:
            try:
                waiting = inner.throw(error) if error is not None else inner.send(None)
            except StopIteration as done:
                return done.value
            self.waits += 1
            if self.waits == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            error = None
            try:
                yield waiting
            except BaseException as caught:  # noqa: BLE001 - given on to whom it is for
                error = caught


async def cut_off(work: Coroutine[Any, Any, Any], at: int) -> int:
    """Run `work` and cut it off at the n-th wait; return at how many it waited."""
    cutting = CutOff(work, at)

    async def run() -> None:
        await cutting

    await asyncio.wait([asyncio.create_task(run())])
    return cutting.waits
