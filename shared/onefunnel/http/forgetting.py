"""Answers kept for idempotency keys are forgotten in the background, a day's worth at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.http.idempotency import prune

EVERY_S: Final = 3_600.0

_log = telemetry.log("idempotency")


class AllTenants(Protocol):
    """Transactions under the worker role."""

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction over all tenants."""
        ...


def forgetting(
    database: AllTenants, clock: Clock, *, every_s: float = EVERY_S
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Return a background that forgets answers older than the promise, now and then, until stopped."""

    async def forget(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with database.transaction() as conn:
                    forgotten = await prune(conn, clock.now())
                _log.info("idempotency.forgotten", answers=forgotten)
            except (DBAPIError, OSError) as error:  # the next turn comes in any case
                _log.warning("idempotency.not_forgotten", error=type(error).__name__)
            try:
                async with asyncio.timeout(every_s):
                    await stop.wait()
            except TimeoutError:
                continue

    return forget
