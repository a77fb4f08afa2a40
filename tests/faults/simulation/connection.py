"""The database port of the simulation: the driver's connection with a gate before every statement."""

import asyncio
from collections import defaultdict
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
SPARE: ContextVar["Spare"] = ContextVar("spare")


# A statement is planned once: thousands of runs ask the same of tables that are as good as empty.
_SETTINGS = {"jit": "off", "plan_cache_mode": "force_generic_plan"}


class Stepped(asyncpg.Connection):
    """Every statement waits for its turn. What asyncpg does for one statement is one step."""

    __slots__ = ("actor", "number", "of", "scheduler", "spare")

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
        if self.is_closed() or self.spare:
            return
        if not self.actor.alive or self.scheduler.over or self.is_in_transaction():
            self.terminate()
            return
        await self._step("close", self._spared)

    async def _spared(self) -> None:
        self.actor.connections[self.number] = None
        SPARE.get().keep(self)

    async def _step(
        self, what: str, run: Callable[[], Awaitable[T]], arguments: tuple[Any, ...] = ()
    ) -> T:
        if self.is_closed():
            return await run()  # which says so
        assert ACTOR.get() is self.actor, "it was closed, and another has it now"
        operation = Operation(self.actor, self.number, what, self.get_server_pid(), arguments)
        return await self.scheduler.step(operation, run, self.terminate)


class Spare:
    """Connections that were closed in order, for who connects next: a new one would know no plan yet."""

    def __init__(self) -> None:
        self._free: dict[tuple[str, str], list[Stepped]] = defaultdict(list)

    def keep(self, connection: Stepped) -> None:
        """Take over a connection on which nothing is under way; who had it does not use it any more."""
        connection.spare = True
        self._free[connection.of].append(connection)

    def take(self, of: tuple[str, str]) -> Stepped | None:
        """Return a connection of a database that was used in the same way."""
        while self._free[of]:
            connection = self._free[of].pop()
            if not connection.is_closed():
                return connection
        return None

    def close(self) -> None:
        """End them all."""
        for connections in self._free.values():
            for connection in connections:
                connection.terminate()


class SimDatabase(Database):
    """A service's database whose connections are stepped; transactions share one while it is sound."""

    _kept: Stepped | None = None

    async def _connect(self, *, patient: bool = False) -> Stepped:
        actor, scheduler = ACTOR.get(), SCHEDULER.get()
        number = len(actor.connections)
        actor.connections.append(None)

        async def connect() -> Stepped:
            of = (self.url, self.name)
            connection = SPARE.get().take(of) or await asyncpg.connect(
                self.url,
                connection_class=Stepped,
                server_settings=_SETTINGS | {"application_name": f"sim {self.name}"},
            )
            connection.actor, connection.number, connection.scheduler = actor, number, scheduler
            connection.of, connection.spare = of, False
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
