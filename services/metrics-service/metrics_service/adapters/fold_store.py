"""The fold's database: one dedicated connection, claims, and transactions whose end is known or told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final
from uuid import UUID

import asyncpg

from metrics_service.adapters.driver import Driver
from metrics_service.adapters.fold_errors import translated
from metrics_service.adapters.fold_turn import GROUP, PostgresTurn
from metrics_service.adapters.generations import drop_left_over
from metrics_service.adapters.rules_rows import tenants_with_work
from metrics_service.application.fold_ports import Retry, Turn
from onefunnel.log import ownership
from onefunnel.log.members import living
from onefunnel.log.ownership import Claim
from onefunnel.log.port import Partition, TopicSpec
from onefunnel.log.sharing import member_for
from onefunnel.persistence.database import Database

# A turn's statements find a few hundred rows by their keys, whatever the table's size and however old
# its statistics. A plan made for a young table would read all of a grown one; so each statement is
# written to allow one way only (`found_by`), and the others are switched off.
_BY_KEY: Final = """
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET plan_cache_mode = force_generic_plan"""


class PostgresFoldStore:
    """Turns on one connection, opened when first used and again after an error. One task at a time."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._stack = AsyncExitStack()
        self._driver: Driver | None = None

    async def prepare(self, topics: Sequence[TopicSpec]) -> None:
        """Create the rows of partitions that are missing, drop what a killed rebuild left."""
        async with self._connected() as driver:
            await ownership.ensure_partitions(driver, GROUP, topics)
            await drop_left_over(driver)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Open a transaction; leaving it commits."""
        async with self._connected() as driver:
            await driver.execute("BEGIN")
            try:
                yield PostgresTurn(driver)
            except BaseException:
                await asyncio.shield(_undo(driver))
                raise
            await asyncio.shield(_commit(driver))

    async def take_share(self, held: Mapping[Partition, Claim]) -> Mapping[Partition, Claim]:
        """Give up and claim partitions as the group's members want it."""
        async with self._connected() as driver:
            return await ownership.take_share(driver, GROUP, self._owner, held)

    async def note_ends(self, ends: Callable[[], Awaitable[Mapping[Partition, int]]]) -> None:
        """Ask where the log ends and write it down, as of an instant before asking."""
        async with self._connected() as driver, driver.transaction():
            await driver.execute("SELECT now()")  # fixes the instant that `seen_at` will say
            await ownership.note_ends(driver, GROUP, self._owner, await ends())

    async def tenants_with_work(self) -> list[UUID]:
        """Return the tenants with something to derive again or to settle, as far as they are mine."""
        async with self._connected() as driver:
            live = await driver.fetchval("SELECT live FROM projection_generation")
            tenants = await tenants_with_work(driver, f"g{live}")
            members = {self._owner, *await living(driver, GROUP)}
        return [tenant for tenant in tenants if member_for(str(tenant), members) == self._owner]

    async def release(self) -> None:
        """Give every partition back, and the connection, and be no member any more."""
        async with self._connected() as driver:
            await ownership.release(driver, GROUP, self._owner)
        await self.close()

    async def close(self) -> None:
        """Let go of the connection, whatever its state."""
        stack, self._stack, self._driver = self._stack, AsyncExitStack(), None
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            await stack.aclose()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Driver]:
        """Give the connection; after an error that may have broken it, the next use opens another."""
        try:
            async with translated():
                if self._driver is None or self._driver.is_closed():
                    await self.close()
                    self._driver = await self._stack.enter_async_context(self._database.driver())
                    await self._driver.execute(_BY_KEY)
                yield self._driver
        except BaseException:
            if self._driver is not None and (
                self._driver.is_closed() or self._driver.is_in_transaction()
            ):
                await self.close()
            raise


async def _commit(driver: Driver) -> None:
    """Commit. `COMMIT` is answered by `ROLLBACK` where a statement's error was passed over."""
    if (answer := await driver.execute("COMMIT")) != "COMMIT":
        raise Retry(f"COMMIT was answered by {answer}")


async def _undo(driver: Driver) -> None:
    """Roll back; where that fails, the connection is closed and the server does it."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        await driver.execute("ROLLBACK", timeout=5)
