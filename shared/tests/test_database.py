"""Transactions, tenants and roles on a real PostgreSQL."""

import asyncio
from uuid import UUID, uuid4

import anyio
import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from onefunnel.persistence import idling
from onefunnel.persistence.database import NotCommitted, StorageUnavailable, driver_of
from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.persistence.provision import provision
from onefunnel.testing.waiting import until

HERE, ELSEWHERE = uuid4(), uuid4()


@pytest.fixture
async def notes(fresh_database):
    """A database with one table of the tenants' own rows."""
    fresh = fresh_database(None)
    owner = await asyncpg.connect(fresh.owner_url)
    await owner.execute("CREATE TABLE note (tenant_id UUID NOT NULL, body TEXT NOT NULL)")
    for statement in tenant_table_ddl("note"):
        await owner.execute(statement)
    await owner.close()
    return fresh


async def write(database, tenant: UUID, body: str) -> None:
    async with database.tenant(tenant) as conn:
        await conn.execute(
            text("INSERT INTO note VALUES (:tenant, :body)"), {"tenant": tenant, "body": body}
        )


async def bodies(database, tenant: UUID) -> list[str]:
    async with database.tenant(tenant) as conn:
        return list((await conn.execute(text("SELECT body FROM note ORDER BY 1"))).scalars())


async def test_a_tenant_sees_only_its_own_rows(notes, open_database):
    app = open_database(notes.app_url)
    await write(app, HERE, "mine")
    await write(app, ELSEWHERE, "theirs")
    assert await bodies(app, HERE) == ["mine"]


async def test_a_tenant_cannot_write_a_row_of_another(notes, open_database):
    app = open_database(notes.app_url)
    with pytest.raises(DBAPIError, match="row-level security"):
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'x')"), {"t": ELSEWHERE})


@pytest.mark.parametrize("used_before", [False, True])
async def test_without_a_tenant_the_app_role_gets_an_error_and_not_an_empty_answer(
    notes, open_database, used_before
):
    app = open_database(notes.app_url, pool_size=1)
    if used_before:
        await write(app, HERE, "mine")
    with pytest.raises(DBAPIError):
        async with app.transaction() as conn:
            await conn.execute(text("SELECT * FROM note"))


async def test_the_worker_role_sees_the_rows_of_all_tenants(notes, open_database):
    app, worker = open_database(notes.app_url), open_database(notes.worker_url)
    await write(app, HERE, "mine")
    await write(app, ELSEWHERE, "theirs")
    async with worker.transaction() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM note"))).scalar_one() == 2


async def test_an_error_undoes_the_whole_transaction(notes, open_database):
    app = open_database(notes.app_url)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is the transaction
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'x')"), {"t": HERE})
            raise ZeroDivisionError
    assert await bodies(app, HERE) == []


async def test_a_swallowed_error_is_not_taken_for_a_commit(notes, open_database):
    app = open_database(notes.app_url)
    with pytest.raises(NotCommitted):  # noqa: PT012 - the block is the transaction
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'x')"), {"t": HERE})
            with pytest.raises(DBAPIError):
                await conn.execute(text("SELECT 1/0"))
    assert await bodies(app, HERE) == []


async def test_cancelled_requests_leave_no_transaction_and_no_connection_behind(
    notes, open_database
):
    app = open_database(notes.app_url, pool_size=3)

    async def slow() -> None:
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'x')"), {"t": HERE})
            await conn.execute(text("SELECT pg_sleep(0.05)"))

    for burst in range(20):
        tasks = [asyncio.create_task(slow()) for _ in range(6)]
        for _ in range(burst * 3):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(bodies(app, HERE) for _ in range(6)))
    owner = await asyncpg.connect(notes.owner_url)

    async def none_is_left_behind() -> bool:
        states = await owner.fetch(
            "SELECT state FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            notes.name,
        )
        return len(states) <= 3 and {row["state"] for row in states} <= {"idle"}

    await until(none_is_left_behind)  # a connection given up while it opened ends by itself
    await owner.close()


@pytest.mark.parametrize("when", ["BEGIN", "COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("sent", [True, False])
async def test_a_request_cancelled_at_the_edge_of_its_transaction_leaves_a_clean_connection(
    notes, open_database, monkeypatch, when, sent
):
    """Cancelled just before or while the statement is on its way; the pool has one connection."""
    app = open_database(notes.app_url, pool_size=1)
    await write(app, HERE, "before")
    execute = asyncpg.Connection.execute

    async def cancelling(connection, query, *arguments, **options):
        if query.startswith(when):
            monkeypatch.undo()
            loop = asyncio.get_running_loop()
            loop.call_soon(request.cancel) if sent else request.cancel()
        return await execute(connection, query, *arguments, **options)

    async def work() -> None:
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'during')"), {"t": HERE})
            if when == "ROLLBACK":
                raise ZeroDivisionError

    monkeypatch.setattr(asyncpg.Connection, "execute", cancelling)
    request = asyncio.create_task(work())
    await asyncio.gather(request, return_exceptions=True)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is the transaction
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'after')"), {"t": HERE})
            raise ZeroDivisionError
    assert await bodies(app, HERE) == (["before", "during"] if when == "COMMIT" else ["before"])


async def test_a_request_cancelled_as_starlette_does_it_gives_its_connection_back(
    notes, open_database
):
    """Anyio cancels again at every await, also in the clean-up."""
    app = open_database(notes.app_url, pool_size=1)
    for _ in range(5):
        with anyio.CancelScope() as scope:
            async with app.tenant(HERE) as conn:
                await conn.execute(text("INSERT INTO note VALUES (:t, 'x')"), {"t": HERE})
                asyncio.get_running_loop().call_soon(scope.cancel)
                # The driver's own statement: SQLAlchemy would throw the connection away.
                await driver_of(conn).execute("SELECT pg_sleep(20)")
        assert scope.cancelled_caught
    assert await bodies(app, HERE) == []


async def test_row_policies_hold_the_owner_too(notes):
    owner = await asyncpg.connect(notes.owner_url)
    row = await owner.fetchrow("SELECT * FROM pg_class WHERE relname = 'note'")
    await owner.close()
    assert row["relrowsecurity"]
    assert row["relforcerowsecurity"]


async def test_a_connection_closed_by_the_server_is_replaced_unnoticed(notes, open_database):
    app = open_database(notes.app_url, pool_size=1)
    async with app.tenant(HERE) as conn:
        pooled = driver_of(conn)
    owner = await asyncpg.connect(notes.owner_url)
    await owner.execute("SELECT pg_terminate_backend($1)", pooled.get_server_pid())
    await owner.close()
    await until(pooled.is_closed)
    assert await bodies(app, HERE) == []


async def test_a_connection_that_idles_is_kept_or_one_at_work_is_closed(
    notes, open_database, monkeypatch
):
    monkeypatch.setattr(idling, "IDLE_S", 0.01)
    app = open_database(notes.app_url)
    async with app.tenant(HERE) as first:
        working = driver_of(first)
        async with app.tenant(HERE) as second:
            idle = driver_of(second)
        await until(idle.is_closed)
        assert await working.fetchval("SELECT 1") == 1
        async with app.tenant(HERE) as third:  # in the place of the one that is gone
            assert await driver_of(third).fetchval("SELECT 2") == 2
    await until(working.is_closed)
    assert await bodies(app, HERE) == []


async def test_a_connection_that_idled_for_a_moment_is_closed_while_it_works_again(
    notes, open_database, monkeypatch
):
    monkeypatch.setattr(idling, "IDLE_S", 0.1)
    app, clock = open_database(notes.app_url, pool_size=1), asyncio.get_running_loop().time
    await bodies(app, HERE)
    async with app.tenant(HERE) as conn:
        started = clock()
        await until(lambda: clock() > started + 2 * idling.IDLE_S)
        assert await driver_of(conn).fetchval("SELECT 1") == 1


async def test_a_pool_without_a_free_connection_says_so(notes, open_database, monkeypatch):
    app = open_database(notes.app_url, pool_size=1)
    app._engine.sync_engine.pool._timeout = 0.05
    async with app.tenant(HERE):
        with pytest.raises(StorageUnavailable):
            await bodies(app, HERE)


async def test_a_commit_without_an_answer_is_not_taken_for_a_commit(notes, open_database):
    app = open_database(notes.app_url)
    owner = await asyncpg.connect(notes.owner_url)
    with pytest.raises(StorageUnavailable):  # noqa: PT012 - the block is the transaction
        async with app.tenant(HERE) as conn:
            await conn.execute(text("INSERT INTO note VALUES (:t, 'x')"), {"t": HERE})
            pid = driver_of(conn).get_server_pid()
            await owner.execute("SELECT pg_terminate_backend($1)", pid)
    await owner.close()
    assert await bodies(app, HERE) == []


async def test_four_processes_may_provision_at_once(postgres_server):
    names = ["race_a", "race_b"]
    await asyncio.gather(*(provision(postgres_server.url, names) for _ in range(4)))
    owner = await asyncpg.connect(postgres_server.server.url("race_b"))
    assert await owner.fetchval("SHOW server_encoding") == "UTF8"
    ordered = "SELECT string_agg(x, '' ORDER BY x) FROM unnest(ARRAY['ä', 'a', 'Z', 'é', 'B']) x"
    assert await owner.fetchval(ordered) == "BZaäé", "in the order of code points"
    await owner.close()
