"""Connections in PostgreSQL."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.keeping import connection_of, row_of, standing_of
from gateway.adapters.repositories import Transactions
from gateway.adapters.tables import CONNECTION, CONNECTION_ENDPOINT
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS
from onefunnel.persistence.database import driver_of

MAX_REMEMBERED: Final = 10_000

# A lane is there while there is access; whoever changes the connection tries again at once.
_LANE = """
INSERT INTO crm_lane (tenant_id, connection_id, reconcile_at, channel_at)
VALUES ($1, $2, now() + make_interval(mins => $3), CASE WHEN $4 THEN now() ELSE 'infinity' END)
ON CONFLICT (tenant_id, connection_id) DO UPDATE SET failures = 0, rest_until = '-infinity',
    channel_at = excluded.channel_at,
    reconcile_at = least(crm_lane.reconcile_at, excluded.reconcile_at)"""
_UNPARK = """
UPDATE record_read SET attempts = 0, alone = FALSE, parked = FALSE
WHERE tenant_id = $1 AND connection_id = $2 AND parked"""


class ConnectionRepository:
    """The connections that one database connection sees."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, connection: Connection) -> None:
        """Insert a connection and whose its endpoint is."""
        await self._conn.execute(insert(CONNECTION).values(row_of(connection)))
        await self._conn.execute(
            insert(CONNECTION_ENDPOINT).values(
                id=connection.endpoint_id,
                tenant_id=connection.tenant_id,
                connection_id=connection.id,
            )
        )
        await self._open_lane(connection)

    async def get(self, id_: UUID, *, for_change: bool = False) -> Connection | None:
        """Return one connection, locked if it is to be changed."""
        question = select(CONNECTION).where(CONNECTION.c.id == id_)
        found = await self._conn.execute(question.with_for_update() if for_change else question)
        row = found.one_or_none()
        return connection_of(row) if row else None

    async def save(self, connection: Connection) -> None:
        """Write a connection back that was got for change."""
        await self._conn.execute(
            update(CONNECTION).where(CONNECTION.c.id == connection.id).values(row_of(connection))
        )
        await self._open_lane(connection)

    async def _open_lane(self, connection: Connection) -> None:
        if connection.access is None:
            return
        driver, key = driver_of(self._conn), (connection.tenant_id, connection.id)
        has_channel = APIS[connection.provider].channels is not None
        await driver.execute(_LANE, *key, connection.access.reconcile_minutes, has_channel)
        await driver.execute(_UNPARK, *key)

    async def at(self, endpoint_ids: Collection[str]) -> Mapping[str, Connection]:
        """Return the connections behind endpoints."""
        question = select(CONNECTION).where(CONNECTION.c.endpoint_id.in_(endpoint_ids))
        found = (connection_of(row) for row in await self._conn.execute(question))
        return {connection.endpoint_id: connection for connection in found}

    async def of(self, ids: Collection[UUID]) -> Mapping[UUID, Connection]:
        """Return connections by their ids."""
        question = select(CONNECTION).where(CONNECTION.c.id.in_(ids))
        found = (connection_of(row) for row in await self._conn.execute(question))
        return {connection.id: connection for connection in found}

    async def after(self, last: UUID | None, limit: int) -> Sequence[Connection]:
        """Return `limit` connections after `last`, newest first."""
        query = select(CONNECTION).order_by(CONNECTION.c.id.desc()).limit(limit)
        if last is not None:
            query = query.where(CONNECTION.c.id < last)
        return [connection_of(row) for row in await self._conn.execute(query)]


class DatabaseEndpoints:
    """Whose an endpoint is, before anything else is known of a request. An endpoint never changes hands."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        self._known: OrderedDict[str, UUID] = OrderedDict()

    def remembered(self, endpoint_id: str) -> UUID | None:
        """Return the tenant of an endpoint that was looked up before, None if it was not."""
        return self._known.get(endpoint_id)

    async def looked_up(self, endpoint_id: str) -> UUID | None:
        """Return the tenant of an endpoint, None if there is none."""
        async with self._database.transaction() as conn:
            table = CONNECTION_ENDPOINT
            found = await conn.execute(select(table.c.tenant_id).where(table.c.id == endpoint_id))
            tenant_id: UUID | None = found.scalar_one_or_none()
        if tenant_id is not None:
            if len(self._known) >= MAX_REMEMBERED and endpoint_id not in self._known:
                self._known.popitem(last=False)
            self._known[endpoint_id] = tenant_id
        return tenant_id


class DatabaseStandings:
    """How connections stand with their CRMs, under the worker role."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def change(self, seen: Connection, changed: Callable[[Connection], Connection]) -> None:
        """Change a connection whose access is still as it was seen; its version is its owner's."""
        async with self._database.tenant(seen.tenant_id) as conn:
            known = await ConnectionRepository(conn).get(seen.id, for_change=True)
            if known is None or known.access != seen.access:
                return
            await conn.execute(
                update(CONNECTION)
                .where(CONNECTION.c.id == seen.id)
                .values(standing_of(changed(known)))
            )
