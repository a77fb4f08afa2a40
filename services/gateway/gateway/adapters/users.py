"""Users of an identity provider, in PostgreSQL: only those about whom there is a word to say."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.repositories import Transactions
from gateway.adapters.tables import TENANT, USER
from gateway.domain.user import User


class UserRepository:
    """The users that one connection sees."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def save(self, tenant_id: UUID, user: User) -> None:
        """Keep what is said about a user, in place of what was."""
        said = {
            "disabled": user.disabled,
            "refused_roles": sorted(user.refused_roles),
            "valid_from": user.valid_from,
        }
        wanted = insert(USER).values(tenant_id=tenant_id, subject=user.subject, **said)
        await self._conn.execute(
            wanted.on_conflict_do_update(index_elements=["tenant_id", "subject"], set_=said)
        )

    async def get(self, subject: str) -> User:
        """Return a user; one of whom nothing is said is like any other."""
        found = await self._conn.execute(select(USER).where(USER.c.subject == subject))
        row = found.one_or_none()
        return _user(row) if row else User(subject)

    async def after(self, last: str | None, limit: int) -> Sequence[User]:
        """Return `limit` users after `last`, by subject."""
        query = select(USER).order_by(USER.c.subject).limit(limit)
        if last is not None:
            query = query.where(USER.c.subject > last)
        return [_user(row) for row in await self._conn.execute(query)]


class DatabaseUserStore:
    """Finds users of any tenant that exists."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def find(self, tenant_id: UUID, subject: str) -> User | None:
        """Return a user of a tenant, None if there is no such tenant."""
        async with self._database.tenant(tenant_id) as conn:
            known = await conn.execute(select(TENANT.c.id).where(TENANT.c.id == tenant_id))
            if known.one_or_none() is None:
                return None
            return await UserRepository(conn).get(subject)


def _user(row: Row[Any]) -> User:
    return User(row.subject, row.disabled, frozenset(row.refused_roles), row.valid_from)
