"""A COPY ends with its connection, and within its time: the driver alone would wait for ever."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from onefunnel.log.transience import is_transient
from onefunnel.persistence import database as database_module
from onefunnel.persistence.copying import copied
from onefunnel.persistence.database import DRIVER_ERRORS, Database
from onefunnel.testing.proxy import proxied

ROWS, WIDTH = 4_000, 5_000  # more than the buffers between us and the server hold


async def many_rows() -> AsyncIterator[bytes]:
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for _ in range(ROWS):
        yield (1).to_bytes(2) + WIDTH.to_bytes(4) + bytes(WIDTH)
    yield b"\xff\xff"


@pytest.fixture
async def proxy(fresh_database):
    fresh = fresh_database(None)
    user, _, rest = fresh.owner_url.partition("@/")
    name, _, directory = rest.partition("?host=")
    async with proxied(f"{directory}/.s.PGSQL.5432") as proxy:
        proxy.url = f"{user}@127.0.0.1:{proxy.port}/{name}"
        yield proxy


def copying(driver, within_s=None):
    source = driver.copy_to_table("t", source=many_rows(), format="binary")
    return asyncio.create_task(copied(driver, source, within_s=within_s))


async def buffers_are_full(task) -> None:
    """Let the loop come round often enough for the driver to wait for room."""
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not task.done()


async def test_a_copy_of_which_the_server_dies_raises_a_passing_error(proxy):
    database = Database(proxy.url, pool_size=1, name="test")
    async with database.driver() as driver:
        await driver.execute("CREATE TABLE t (x BYTEA)")
        proxy.swallow()
        task = copying(driver)
        await buffers_are_full(task)
        proxy.cut()
        async with asyncio.timeout(20):
            with pytest.raises(DRIVER_ERRORS) as caught:
                await task
    assert is_transient(caught.value)


async def test_a_copy_that_nobody_reads_ends_within_its_time(proxy):
    database = Database(proxy.url, pool_size=1, name="test")
    async with database.driver() as driver:
        await driver.execute("CREATE TABLE t (x BYTEA)")
        proxy.swallow()
        async with asyncio.timeout(20):
            with pytest.raises(TimeoutError):
                await copying(driver, within_s=0.1)
        proxy.cut()


async def test_a_whole_copy_is_in_the_table_and_its_error_is_the_server_s(proxy):
    database = Database(proxy.url, pool_size=1, name="test")
    async with database.driver() as driver:
        await driver.execute("CREATE TABLE t (x BYTEA CHECK (octet_length(x) < 9000))")
        await copying(driver)
        assert await driver.fetchval("SELECT count(*) FROM t") == ROWS
        await driver.execute("ALTER TABLE t ADD CHECK (octet_length(x) > 6000) NOT VALID")
        with pytest.raises(Exception, match="violates check constraint"):
            await copying(driver)
        assert await driver.fetchval("SELECT count(*) FROM t") == ROWS


async def test_a_statement_without_an_answer_ends_within_its_time(proxy, monkeypatch):
    monkeypatch.setattr(database_module, "ANSWER_TIMEOUT_S", 0.1)
    monkeypatch.setattr(database_module, "UNDO_TIMEOUT_S", 0.1)
    database = Database(proxy.url, pool_size=1, name="test")
    heard: list[object] = []

    async def asking() -> None:
        async with database.driver() as driver:
            proxy.swallow()
            heard.append(await driver.fetchval("SELECT 1"))

    async with asyncio.timeout(20):
        with pytest.raises(DRIVER_ERRORS):
            await asking()
    assert not heard
