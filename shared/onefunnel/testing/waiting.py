"""Waiting for a condition, with a limit: what tests do instead of sleeping."""

import asyncio
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
