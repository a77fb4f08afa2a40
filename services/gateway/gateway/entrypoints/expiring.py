"""Bodies of webhooks are gone after their days, in the background and in small bites."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.http.forgetting import AllTenants
from onefunnel.repeating import now_and_then

EVERY_S: Final = 3_600.0

# Expires what is older than so many days; says whether there may be more.
Expire = Callable[[AsyncConnection], Awaitable[bool]]


async def expire_bodies(database: AllTenants, expire: Expire, stop: asyncio.Event) -> None:
    """Destroy what is expired, every hour until stopped: background of the gateway."""

    async def bite() -> bool:
        async with database.transaction() as conn:
            return await expire(conn)

    await now_and_then(bite, "expired bodies", stop, every_s=EVERY_S)
