"""Connections that nobody uses for a while are closed: each that idles costs its server megabytes.

We close them, not the server, which might do so just when one is used again.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

IDLE_S: Final = 10.0
_TIMER: Final = "onefunnel.idle"


def once_idle(close: Callable[[], object]) -> asyncio.TimerHandle:
    """Close what rests from now on, unless the timer is cancelled because it is used again."""
    return asyncio.get_running_loop().call_later(IDLE_S, close)


def shed_idle(pool: Pool) -> None:
    """Let the connections of a pool go that are not used; who needs one later opens another."""

    def rests(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        if connection is not None:
            entry.info[_TIMER] = once_idle(entry.invalidate)

    def works(_connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if timer := entry.info.pop(_TIMER, None):
            timer.cancel()

    event.listen(pool, "checkin", rests)
    event.listen(pool, "checkout", works)
