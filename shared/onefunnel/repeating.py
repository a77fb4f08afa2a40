"""Work in small bites: as long as there is some, then a rest, then another look."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sqlalchemy.exc import DBAPIError

from onefunnel import telemetry
from onefunnel.errors import DomainError

_log = telemetry.log("background")

# One transaction; says whether there may be more.
Bite = Callable[[], Awaitable[bool]]


async def now_and_then(bite: Bite, what: str, stop: asyncio.Event, *, every_s: float) -> None:
    """Take bites until stopped, resting where nothing is left. One that fails is told of and comes again."""
    while not stop.is_set():
        try:
            more = await bite()
        except (DBAPIError, DomainError) as error:
            _log.warning("bite_failed", what=what, error=type(error).__name__)
            more = False
        if not more:
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await stop.wait()
