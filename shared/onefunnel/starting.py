"""Waiting at the start for what is not there yet, at one place for all processes of all profiles."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from onefunnel import telemetry
from onefunnel.log.transience import is_transient

FIRST_PAUSE_S: Final = 0.1
LAST_PAUSE_S: Final = 10.0
# No such database, no such role, not that password: until `migrate` has run.
_NOT_MADE_YET: Final = (
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)

_log = telemetry.log("start")


async def once_there(attempt: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    """Repeat `attempt` until it succeeds or `stop` is set, with growing pauses and a line for each.

    What does not pass by itself is raised: then somebody must change something.
    """
    pause_s = FIRST_PAUSE_S
    while not stop.is_set():
        try:
            await attempt()
        except Exception as error:
            if not is_transient(error) and not isinstance(error, _NOT_MADE_YET):
                raise
            _log.warning("waiting", error=repr(error), pause_s=round(pause_s, 1))
        else:
            return
        await _rest(stop, pause_s * (0.5 + random.random()))  # noqa: S311 - so that not all come at once
        pause_s = min(2 * pause_s, LAST_PAUSE_S)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
