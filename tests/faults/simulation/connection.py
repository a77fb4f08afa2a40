"""The database port of the simulation: the driver's connection with a gate before every statement."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import asyncpg

from onefunnel.persistence.database import Database

from .operation import Actor, Operation
from .scheduler import Scheduler

T = TypeVar("T")

# Whose code this is: set where an actor begins, inherited by every task that it makes.
ACTOR: ContextVar[Actor] = ContextVar("actor")
SCHEDULER: ContextVar[Scheduler] = ContextVar("scheduler")


class Stepped(asyncpg.Connection):
    """Every statement waits for its turn. What asyncpg does for one statement is one step."""

    __slots__ = ("actor", "number", "scheduler")

    async def execute(self, query: str, *args: Any, **_more: Any) -> str:
        return await self._step(query, lambda: super(Stepped, self).execute(query, *args))

    async def fetch(self, query: str, *args: Any, **_more: Any) -> Any:
        return await self._step(query, lambda: super(Stepped, self).fetch(query, *args), args)

    async def fetchval(self, query: str, *args: Any, **_more: Any) -> Any:
        return await self._step(query, lambda: super(Stepped, self).fetchval(query, *args))

    async def fetchrow(self, query: str, *args: Any, **_more: Any) -> Any:
        return await self._step(query, lambda: super(Stepped, self).fetchrow(query, *args))

    async def copy_to_table(self, table_name: str, **more: Any) -> Any:
        what = f"COPY {table_name}"
        return await self._step(
            what, lambda: super(Stepped, self).copy_to_table(table_name, **more)
        )

    async def close(self, **_more: Any) -> None:
        if self.is_closed():
            return
        if not self.actor.alive or self.scheduler.over:
            self.terminate()
            return
        await self._step("close", lambda: super(Stepped, self).close())

    async def _step(
        self, what: str, run: Callable[[], Awaitable[T]], arguments: tuple[Any, ...] = ()
    ) -> T:
        if self.is_closed():
            return await run()  # which says so
        operation = Operation(self.actor, self.number, what, self.get_server_pid(), arguments)
        return await self.scheduler.step(operation, run, self.terminate)


class SimDatabase(Database):
    """A service's database whose connections are stepped; transactions share one while it is sound."""

    _kept: Stepped | None = None

    async def _connect(self, *, patient: bool = False) -> Stepped:
        actor, scheduler = ACTOR.get(), SCHEDULER.get()
        number = len(actor.connections)
        actor.connections.append(None)

        async def connect() -> Stepped:
            settings = {"application_name": f"sim {actor.name}", "jit": "off"}
            connection = await asyncpg.connect(
                self.url, connection_class=Stepped, server_settings=settings
            )
            connection.actor, connection.number, connection.scheduler = actor, number, scheduler
            actor.connections[number] = connection
            return connection

        def give_up() -> None:
            if actor.connections[number] is not None:
                actor.connections[number].terminate()

        return await scheduler.step(Operation(actor, number, "connect"), connect, give_up)

    @asynccontextmanager
    async def _begun(self, begin: str, *, announced: bool) -> AsyncIterator[Any]:
        driver, self._kept = self._kept, None
        if driver is None or driver.is_closed():
            driver = await self._connect()
        try:
            await driver.execute(begin)
            yield _Wrapped(driver)
            await driver.execute("COMMIT")
        except BaseException:
            await asyncio.shield(driver.close())
            raise
        self._kept = driver


class _Wrapped:
    """What `driver_of` takes apart."""

    def __init__(self, driver: Stepped) -> None:
        self.sync_connection = self.connection = self
        self.driver_connection = driver
