"""Answers kept for idempotency keys are forgotten in the background, now and then."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.errors import DomainError
from onefunnel.http.idempotency import prune

EVERY_S: Final = 3_600.0

_log = telemetry.log("idempotency")


class AllTenants(Protocol):
    """Transactions under the worker role."""

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction over all tenants."""
        ...


async def forget_answers(
    database: AllTenants, clock: Clock, stop: asyncio.Event, *, every_s: float = EVERY_S
) -> None:
    """Forget answers older than the promise, now and then, until stopped: background of a service."""
    while not stop.is_set():
        try:
            async with database.transaction() as conn:
                forgotten = await prune(conn, clock.now())
            _log.info("idempotency.forgotten", answers=forgotten)
        except (DBAPIError, DomainError) as error:  # the next turn comes in any case
            _log.warning("idempotency.not_forgotten", error=type(error).__name__)
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            continue
