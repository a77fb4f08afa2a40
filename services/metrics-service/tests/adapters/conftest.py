"""A stage per test."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from onefunnel.persistence.database import Database

from .stage import Stage


@pytest_asyncio.fixture
async def stage(fresh_database) -> AsyncIterator[Stage]:
    """Return a stage on a fresh database."""
    fresh = fresh_database("metrics_service")
    database = Database(fresh.worker_url, pool_size=2, name="test")
    driver = await asyncpg.connect(fresh.owner_url)
    yield Stage(database, driver)
    await driver.close()
    await database.close()
