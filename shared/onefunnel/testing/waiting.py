"""Waiting for a condition, with a limit: what tests do instead of sleeping."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

LIMIT_S: Final = 20.0
_PAUSE_S: Final = 0.005


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, limit_s: float = LIMIT_S
) -> None:
    """Return as soon as `condition()` holds; raise `TimeoutError` if it does not within the limit."""
    async with asyncio.timeout(limit_s):
        while True:
            held = condition()
            if held is True or (not isinstance(held, bool) and await held):
                return
            await asyncio.sleep(_PAUSE_S)


def wait_until(condition: Callable[[], bool], *, limit_s: float = LIMIT_S) -> None:
    """Do the same where no loop runs."""
    until_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until_s:
            raise TimeoutError
        time.sleep(_PAUSE_S)
