"""One service's database under one role: the only place where a transaction begins and ends.

The engine runs in autocommit and the transaction is ours: `BEGIN` and the tenant travel in one
message, `COMMIT` is checked for having committed, and cancelling a request cannot leave a
connection inside a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import QueuePool

from onefunnel import faults
from onefunnel.errors import DomainError, ErrorKind
from onefunnel.persistence.idling import shed_idle

T = TypeVar("T")

if TYPE_CHECKING:
    DriverConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    DriverConnection = asyncpg.Connection

POOL_WAIT_S: Final = 5.0
UNDO_TIMEOUT_S: Final = 5.0
# Below the worker's lease: a process frozen inside a transaction must not hold rows past it. A
# statement is the server's own work and ends by itself; what a vanished machine does not read, does not.
IDLE_IN_TRANSACTION_MS: Final = 5_000
STATEMENT_TIMEOUT_MS: Final = 30_000
# Above it: a server that says nothing by then is one that we cannot hear any more.
ANSWER_TIMEOUT_S: Final = 35.0
# What the driver or the network may raise. `InternalClientError` is what asyncpg says when the server
# ended a connection in between; everything else is our own mistake and stays what it is.
DRIVER_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class StorageUnavailable(DomainError):
    """The database cannot be reached, has no free connection, or did not say how the commit ended."""

    def __init__(self) -> None:
        super().__init__(
            "storage-unavailable",
            "The database did not answer; repeat the request with the same Idempotency-Key.",
            kind=ErrorKind.UNAVAILABLE,
        )


class Deadlocked(StorageUnavailable):
    """The server undid the transaction, which waited for another that waited for it."""


class NotCommitted(Exception):
    """`COMMIT` was answered by a rollback: a statement had failed and its error was swallowed."""


class Database:
    """A pool of connections to one database under one role; those that idle for long are closed."""

    def __init__(self, url: str, *, pool_size: int, name: str) -> None:
        self.url = url
        self.name = name
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_use_lifo=True,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
        )
        shed_idle(self._engine.sync_engine.pool)

    def tenant(self, tenant_id: UUID) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction that sees and writes one tenant; commit at the end, undo on any error."""
        # A UUID is hexadecimal digits and dashes, so the text needs no parameter.
        begin = f"BEGIN; SELECT set_config('app.tenant', '{UUID(int=tenant_id.int)}', true)"
        return self._begun(begin, announced=True)

    def snapshot(self, tenant_id: UUID) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction that only reads one tenant, and sees one instant in all its statements."""
        setting = f"set_config('app.tenant', '{UUID(int=tenant_id.int)}', true)"
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT {setting}"
        return self._begun(begin, announced=False)

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction over all tenants; only the worker role sees rows in it."""
        return self._begun("BEGIN", announced=False)

    @asynccontextmanager
    async def driver(self, *, patient: bool = False) -> AsyncIterator[DriverConnection]:
        """Open a dedicated driver connection, outside the pool, for relays, folds and `COPY`.

        A patient one is for an operator's work: neither a statement nor a transaction has a limit of time.
        """
        connection = await (self._connect(patient=True) if patient else self._connect())
        try:
            yield connection
        finally:
            await _to_the_end(connection.close(timeout=UNDO_TIMEOUT_S))

    def in_use(self) -> int:
        """Return how many connections of the pool are at work now."""
        return cast("QueuePool", self._engine.pool).checkedout()

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._engine.dispose()

    async def _connect(self, *, patient: bool = False) -> DriverConnection:
        return await asyncpg.connect(
            self.url,
            command_timeout=None if patient else ANSWER_TIMEOUT_S,
            server_settings={
                "application_name": self.name,
                "idle_in_transaction_session_timeout": str(
                    0 if patient else IDLE_IN_TRANSACTION_MS
                ),
                "statement_timeout": str(0 if patient else STATEMENT_TIMEOUT_MS),
                "jit": "off",
                "tcp_user_timeout": str(IDLE_IN_TRANSACTION_MS),
            },
        )

    async def _checked_out(self) -> AsyncConnection:
        """Take a connection from the pool, passing over those that a restart of the server closed."""
        try:
            connection = await self._engine.connect()
            while driver_of(connection).is_closed():
                await connection.invalidate()
                await connection.close()
                connection = await self._engine.connect()
        except (*DRIVER_ERRORS, PoolTimeout, DBAPIError) as error:
            raise StorageUnavailable from error
        return connection

    @asynccontextmanager
    async def _begun(self, begin: str, *, announced: bool) -> AsyncIterator[AsyncConnection]:
        connection = await self._checked_out()
        driver = driver_of(connection)  # once: it cannot be asked for on an invalidated connection
        try:
            await _begin(driver, begin)
            yield connection
            if announced:
                faults.point("write.before_commit")
        except BaseException as error:
            await _to_the_end(_undo(connection, driver))
            if _is_deadlock(error):
                raise Deadlocked from error
            raise
        await _to_the_end(_commit(connection, driver))
        if announced:
            faults.point("write.after_commit")


def driver_of(connection: AsyncConnection) -> DriverConnection:
    """Return the driver's connection beneath, inside the same transaction, for array statements."""
    sync = connection.sync_connection
    assert sync is not None, "the connection is closed"
    return cast("DriverConnection", sync.connection.driver_connection)


def _is_deadlock(error: BaseException) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) == asyncpg.DeadlockDetectedError.sqlstate


async def _begin(driver: DriverConnection, begin: str) -> None:
    try:
        await driver.execute(begin)
    except DRIVER_ERRORS as error:
        raise StorageUnavailable from error


async def _commit(connection: AsyncConnection, driver: DriverConnection) -> None:
    try:
        answer = await driver.execute("COMMIT")
    except DRIVER_ERRORS as error:
        await connection.invalidate()  # the outcome is unknown, the connection is no longer ours
        raise StorageUnavailable from error
    finally:
        await connection.close()
    if answer != "COMMIT":
        raise NotCommitted(answer)


async def _undo(connection: AsyncConnection, driver: DriverConnection) -> None:
    try:
        await driver.execute("ROLLBACK", timeout=UNDO_TIMEOUT_S)
    except DRIVER_ERRORS:
        if not connection.invalidated:
            await connection.invalidate()  # the server rolls back when the connection goes
    finally:
        await connection.close()


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` even if the caller is cancelled meanwhile."""
    return await asyncio.shield(asyncio.ensure_future(work))
