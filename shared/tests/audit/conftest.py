"""Audit tables of their own on a real PostgreSQL, written by the app role, sealed by the worker role."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from onefunnel.audit.rows import add
from onefunnel.audit.table import AUDIT_DDL
from onefunnel.audit.verify import Verdict, verify
from onefunnel.ids import new_id
from onefunnel.persistence.database import Database, driver_of
from onefunnel.testing.auditing import KEY, done_by
from onefunnel.testing.postgres import FreshDatabase

TENANT = new_id()


class Book:
    """One audit, through the roles that use it."""

    def __init__(self, fresh: FreshDatabase, app: Database, worker: Database, owner) -> None:
        self.fresh, self.app, self.worker, self.owner = fresh, app, worker, owner

    async def write(self, times: int = 1, tenant_id=TENANT) -> None:
        async with self.app.tenant(tenant_id) as conn:
            for n in range(times):
                await add(driver_of(conn), done_by(f"key:{n}", tenant_id))

    async def verdict(self, anchor=None) -> Verdict:
        return await verify(self.worker, KEY, anchor)

    async def tamper(self, statement: str) -> None:
        """Do what only the owner of the server can, past the trigger."""
        await self.owner.execute(f"SET session_replication_role = replica; {statement}")


@pytest_asyncio.fixture
async def book(fresh_database, open_database) -> AsyncIterator[Book]:
    fresh = fresh_database(None)
    owner = await asyncpg.connect(fresh.owner_url)
    for statement in AUDIT_DDL:
        await owner.execute(statement)
    yield Book(fresh, open_database(fresh.app_url), open_database(fresh.worker_url), owner)
    await owner.close()
