"""Bodies of webhooks are gone after their days, in the background and in small bites."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel import telemetry
from onefunnel.errors import DomainError
from onefunnel.http.forgetting import AllTenants

EVERY_S: Final = 3_600.0

_log = telemetry.log("webhooks")

# Expires what is older than so many days; says whether there may be more.
Expire = Callable[[AsyncConnection], Awaitable[bool]]


async def expire_bodies(database: AllTenants, expire: Expire, stop: asyncio.Event) -> None:
    """Destroy what is expired, every hour until stopped: background of the gateway."""
    while not stop.is_set():
        try:
            more = await _bite(database, expire)
        except (DBAPIError, DomainError) as error:  # the next turn comes in any case
            _log.warning("webhook.not_expired", error=type(error).__name__)
            more = False
        if more:
            continue
        try:
            async with asyncio.timeout(EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def _bite(database: AllTenants, expire: Expire) -> bool:
    async with database.transaction() as conn:
        return await expire(conn)
