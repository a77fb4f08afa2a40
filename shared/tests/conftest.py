"""A small service with an outbox, and a log, on databases of the test's own."""

import asyncpg
import pytest

from onefunnel.log import consumer, ownership
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.testing.small_service import create_tables


@pytest.fixture
async def service(fresh_database):
    fresh = fresh_database(None)
    await create_tables(fresh.owner_url)
    return fresh


@pytest.fixture
def app(service, open_database):
    return open_database(service.app_url, pool_size=8)


@pytest.fixture
def worker(service, open_database):
    return open_database(service.worker_url, pool_size=8)


@pytest.fixture
def eventlog(fresh_database):
    return fresh_database("onefunnel.log")


@pytest.fixture
async def log(eventlog, open_database):
    log = PostgresLog(open_database(eventlog.worker_url))
    yield log
    await log.close()


@pytest.fixture
async def owner(service):
    connection = await asyncpg.connect(service.owner_url)
    yield connection
    await connection.close()


@pytest.fixture
async def log_owner(eventlog):
    connection = await asyncpg.connect(eventlog.owner_url)
    yield connection
    await connection.close()


@pytest.fixture
def quick(monkeypatch):
    """Look after leases and ends at every turn."""
    monkeypatch.setattr(ownership, "RENEW_S", 0.0)
    monkeypatch.setattr(consumer, "FETCH_WAIT_S", 0.05)
