"""A connection of the PostgreSQL log: open while it is used, its errors said in the port's words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from onefunnel.log.port import Unavailable
from onefunnel.persistence.database import DRIVER_ERRORS, Database, DriverConnection
from onefunnel.persistence.idling import once_idle

CALL_TIMEOUT_S: Final = 10.0


class Session:
    """One dedicated connection, closed while nobody uses it; tasks that share it take turns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._connection: DriverConnection | None = None
        self._resting: asyncio.TimerHandle | None = None

    async def fetch(self, query: str, *arguments: Any) -> Sequence[asyncpg.Record]:
        """Run one statement, which is one transaction. Any driver error is `Unavailable`."""
        async with self._turn, self._connected() as connection:
            return await connection.fetch(query, *arguments, timeout=CALL_TIMEOUT_S)

    async def close(self) -> None:
        """Close the connection, whatever its state."""
        self._wake()
        with suppress(*DRIVER_ERRORS):
            await self._stack.aclose()
        self._connection = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[DriverConnection]:
        try:
            async with unavailable_on_error():
                self._wake()
                if self._connection is not None and self._connection.is_closed():
                    await self.close()  # it idled, or the server was restarted
                if self._connection is None:
                    opening = self._database.driver()
                    self._connection = await self._stack.enter_async_context(opening)
                yield self._connection
                self._resting = once_idle(self._connection.terminate)
        except (
            BaseException
        ):  # also when cancelled: what the server still does is not ours to share
            await self.close()
            raise

    def _wake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None


@asynccontextmanager
async def unavailable_on_error() -> AsyncIterator[None]:
    """Say `Unavailable` for whatever a driver or a network raises."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise Unavailable(str(error) or type(error).__name__) from error
