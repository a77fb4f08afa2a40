"""`COPY` into a table, ended by the end of its connection.

The driver waits for room in the socket's buffer without any limit, and nobody tells it when the
connection is gone: of a server that dies during a large `COPY` it would never hear again.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from onefunnel.persistence.database import DriverConnection


async def copied(
    connection: DriverConnection, copying: Coroutine[Any, Any, str], *, within_s: float | None
) -> None:
    """Finish a `COPY` of the connection; raise `ConnectionResetError` if the connection ends before.

    Without an end `within_s` seconds (None: however long it takes) raises `TimeoutError`. The
    connection is of no use after either.
    """
    work = asyncio.ensure_future(copying)
    gone = False

    def ended(_connection: object) -> None:
        nonlocal gone
        gone = True
        work.cancel()

    connection.add_termination_listener(ended)
    try:
        done, _ = await asyncio.wait([work], timeout=within_s)
    except asyncio.CancelledError:
        work.cancel()
        await asyncio.wait([work])
        raise
    finally:
        if not connection.is_closed():
            connection.remove_termination_listener(ended)
    if not done:
        work.cancel()
        await asyncio.wait([work])
        raise TimeoutError("COPY did not end in time")
    if gone:
        raise ConnectionResetError("the connection ended during COPY") from _reason(work)
    work.result()


def _reason(work: "asyncio.Future[str]") -> BaseException | None:
    return None if work.cancelled() else work.exception()
