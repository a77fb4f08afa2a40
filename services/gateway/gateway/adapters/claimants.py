"""Connections of all tenants that claim an account, under the worker role."""

from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.keeping import connection_of
from gateway.adapters.repositories import Transactions
from gateway.adapters.tables import CONNECTION
from gateway.application.deliveries import Deliveries, Genuine
from gateway.domain.connection import Connection


class DatabaseClaimants:
    """Finds them, and keeps for each in a transaction of its tenant."""

    def __init__(
        self,
        database: Transactions,
        deliveries: Callable[[AsyncConnection, UUID], Deliveries],
    ) -> None:
        self._database = database
        self._deliveries = deliveries

    async def of(
        self, provider: str, setting: str, accounts: Collection[str]
    ) -> Sequence[Connection]:
        """Return the active connections to a vendor whose setting names one of these accounts."""
        question = select(CONNECTION).where(
            CONNECTION.c.provider == provider,
            CONNECTION.c.state == "active",
            CONNECTION.c.settings[setting].astext.in_(accounts),
        )
        async with self._database.transaction() as conn:
            return [connection_of(row) for row in await conn.execute(question)]

    async def hand(self, to: Connection, part: Genuine) -> None:
        """Keep a part of a call at a connection, in a transaction of its own; once, however often it is handed."""
        async with self._database.tenant(to.tenant_id) as conn:
            await self._deliveries(conn, to.tenant_id).keep([part])
