"""Keys and tenants in PostgreSQL."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.tables import API_KEY, KEY_TENANT, TENANT
from gateway.domain.api_key import ApiKey
from onefunnel.ids import NOBODY, new_id


class Transactions(Protocol):
    """What a key store needs of a database."""

    def tenant(self, tenant_id: UUID) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction that sees one tenant."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction without a tenant."""
        ...


class KeyRepository:
    """The keys that one connection sees."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, key: ApiKey) -> None:
        """Insert a key and whose it is."""
        await self._conn.execute(insert(API_KEY).values(asdict(key)))
        await self._conn.execute(insert(KEY_TENANT).values(id=key.id, tenant_id=key.tenant_id))

    async def get(self, key_id: UUID) -> ApiKey | None:
        """Return one key."""
        found = await self._conn.execute(select(API_KEY).where(API_KEY.c.id == key_id))
        row = found.one_or_none()
        return key_of(row) if row else None

    async def save(self, key: ApiKey) -> None:
        """Update one key."""
        await self._conn.execute(
            update(API_KEY).where(API_KEY.c.id == key.id).values(revoked_at=key.revoked_at)
        )

    async def after(self, last: UUID | None, limit: int) -> Sequence[ApiKey]:
        """Return `limit` keys after `last`, newest first."""
        query = select(API_KEY).order_by(API_KEY.c.id.desc()).limit(limit)
        if last is not None:
            query = query.where(API_KEY.c.id < last)
        return [key_of(row) for row in await self._conn.execute(query)]


class DatabaseKeyStore:
    """Finds keys in two steps: whose it is, then the key inside that tenant.

    Both are taken for a key that is not there too: how long it takes says nothing about it.
    """

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def find(self, key_id: UUID) -> ApiKey | None:
        """Return the key with this id, None if there is none."""
        async with self._database.transaction() as conn:
            owner = select(KEY_TENANT.c.tenant_id).where(KEY_TENANT.c.id == key_id)
            tenant_id = (await conn.execute(owner)).scalar_one_or_none()
        async with self._database.tenant(tenant_id or NOBODY) as conn:
            return await KeyRepository(conn).get(key_id)


class TenantRepository:
    """All tenants, under the worker role."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def ensure(self, name: str) -> UUID:
        """Return the tenant of this name; of two at once, one makes it."""
        wanted = upsert(TENANT).values(id=new_id(), name=name).on_conflict_do_nothing()
        await self._conn.execute(wanted)
        found = await self._conn.execute(select(TENANT.c.id).where(TENANT.c.name == name))
        id_: UUID = found.scalar_one()
        return id_

    async def renew(self, key: ApiKey) -> None:
        """Put a development key in the place of its predecessors."""
        await self._conn.execute(
            delete(API_KEY).where(
                tuple_(API_KEY.c.tenant_id, API_KEY.c.environment, API_KEY.c.role)
                == tuple_(key.tenant_id, key.environment, key.role)
            )
        )
        await KeyRepository(self._conn).add(key)


def key_of(row: Row[Any]) -> ApiKey:
    """Return the key of a row."""
    return ApiKey(**row._asdict())
