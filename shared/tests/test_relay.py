"""The relay on real PostgreSQL: nothing is lost, nothing overtakes, whatever order commits come in."""

import asyncio
import random
from contextlib import asynccontextmanager

import asyncpg

from onefunnel.ids import new_id
from onefunnel.log.port import Unavailable
from onefunnel.outbox import relay as relay_module
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.writer import save
from onefunnel.testing.small_service import (
    LEAD,
    SOURCE,
    TENANT,
    accepted,
    everything,
    sequences,
    write,
    written,
)
from onefunnel.testing.waiting import until
from onefunnel.wakeups import Wakeups


@asynccontextmanager
async def relaying(worker, log, *, wakeups=None):
    """Run a relay while the block runs, then stop it in order."""
    stop, wakeups = asyncio.Event(), wakeups or Wakeups()
    task = asyncio.create_task(Relay(worker, log, SOURCE, wakeups.listen()).run(stop))
    try:
        yield task
    finally:
        stop.set()
        wakeups.wake()
        async with asyncio.timeout(20):
            await task


async def outbox_is_empty(owner) -> bool:
    return await owner.fetchval("SELECT count(*) = 0 FROM outbox")


async def drained(owner) -> None:
    await until(lambda: outbox_is_empty(owner))


async def test_published_bytes_are_the_bytes_that_were_committed(app, worker, log, owner):
    records = await written(app, 40, 3)
    async with relaying(worker, log):
        await drained(owner)
    values = await everything(log)
    assert sorted(values) == sorted(record.value for record in records)
    assert set(map(tuple, sequences(values).values())) == {(1, 2, 3)}


async def test_a_row_of_a_lower_id_that_commits_later_is_published(app, worker, log, owner):
    early, late = new_id(), new_id()
    async with relaying(worker, log):
        async with app.tenant(TENANT) as conn:
            await save_in(conn, early)
            await write(app, late, 1)
            await until(lambda: has(log, late))
            # Let the relay take and let go of its lease, so that nothing it remembers can help.
            await owner.execute("UPDATE relay_lease SET epoch = epoch + 1, owner = NULL")
            await until(lambda: owner.fetchval("SELECT owner IS NOT NULL FROM relay_lease"))
        await until(lambda: has(log, early))
    assert set(sequences(await everything(log))) == {early, late}


async def test_any_interleaving_of_commits_publishes_exactly_what_was_committed(
    app, worker, log, owner
):
    chance = random.Random(20261122)
    committed: list[bytes] = []

    async def one(lead) -> None:
        async with app.tenant(TENANT) as conn:
            records = await save_in(conn, lead)
            for _ in range(chance.randrange(30)):
                await asyncio.sleep(0)
            if chance.random() < 0.2:
                await conn.exec_driver_sql("SELECT 1/0")
        committed.extend(record.value for record in records)

    async with relaying(worker, log):
        for _ in range(50):
            leads = [new_id() for _ in range(6)]
            await asyncio.gather(*map(one, leads), return_exceptions=True)
        await drained(owner)
    assert len(committed) > 150
    assert sorted(await everything(log)) == sorted(committed)


async def save_in(conn, lead, version=1):
    records = accepted(lead, version - 1)
    row = {"tenant_id": TENANT, "id": lead, "version": version, "event_seq": version}
    await save(conn, LEAD, row, seen=version - 1 or None, records=records)
    return records


async def has(log, lead) -> bool:
    return lead in sequences(await everything(log))


async def test_a_batch_is_read_with_exactly_one_select(app, worker, log, owner, monkeypatch):
    await written(app, 30)
    queries: list[str] = []
    connect = worker._connect

    async def listening():
        connection = await connect()
        connection.add_query_logger(lambda record: queries.append(record.query))
        return connection

    monkeypatch.setattr(worker, "_connect", listening)
    async with relaying(worker, log):
        await drained(owner)
    touching = [q.split()[0] for q in queries if "outbox" in q]
    until_deleted = touching[: touching.index("DELETE") + 1]
    assert until_deleted == ["SELECT", "DELETE"]


async def test_a_transaction_that_began_first_does_not_overtake_the_one_that_was_first(
    app, worker, log, owner
):
    """An early transaction id, then the aggregate's lock: order by xid would publish 2 before 1."""
    lead = new_id()
    async with app.tenant(TENANT) as early:
        await early.exec_driver_sql("SELECT pg_current_xact_id()")
        await write(app, lead, 1)
        await save_in(early, lead, 2)
    async with relaying(worker, log):
        await drained(owner)
    assert sequences(await everything(log)) == {lead: [1, 2]}


async def test_two_writers_of_one_aggregate_publish_in_the_order_of_its_lock(
    app, worker, log, owner
):
    lead = new_id()
    await write(app, lead, 1)

    async def change() -> None:
        for _ in range(12):
            async with app.tenant(TENANT) as conn:
                query = f"SELECT version FROM lead WHERE id = '{lead}' FOR UPDATE"
                version = (await conn.exec_driver_sql(query)).scalar_one()
                await save_in(conn, lead, version + 1)

    async with relaying(worker, log):
        await asyncio.gather(*(change() for _ in range(4)))
        await drained(owner)
    assert sequences(await everything(log)) == {lead: list(range(1, 50))}


async def test_a_long_write_in_another_database_of_the_server_delays_nothing(
    app, worker, log, owner, fresh_database
):
    elsewhere = await asyncpg.connect(fresh_database(None).owner_url)
    async with elsewhere.transaction():
        await elsewhere.execute("CREATE TABLE busy (id INT)")
        await written(app, 5)
        async with relaying(worker, log):
            await drained(owner)
    await elsewhere.close()


async def test_writers_of_two_aggregates_never_wait_for_each_other(app):
    async with app.tenant(TENANT) as first:
        await save_in(first, new_id())
        async with app.tenant(TENANT) as second:
            await second.exec_driver_sql("SET LOCAL lock_timeout = '1ms'")
            await save_in(second, new_id())


class Picky:
    """A log that refuses every batch with a certain value in it."""

    fences = True

    def __init__(self, log, bad: bytes) -> None:
        self.log = log
        self.bad: bytes | None = bad
        self.refused = 0

    async def open_writer(self, source, epoch):
        self.writer = await self.log.open_writer(source, epoch)
        return self

    async def append(self, records):
        if any(record.value == self.bad for record in records):
            self.refused += 1
            raise Unavailable("refused")
        return await self.writer.append(records)

    async def close(self):
        await self.writer.close()


async def test_a_row_that_fails_is_not_overtaken_by_those_behind_it(
    app, worker, log, owner, monkeypatch
):
    monkeypatch.setattr(relay_module, "BATCH_ROWS", 1)
    lead = new_id()
    records = [record for version in (1, 2, 3) for record in await write(app, lead, version)]
    picky = Picky(log, records[0].value)
    async with relaying(worker, picky):
        await until(lambda: picky.refused >= 3)
        assert await everything(log) == []
        picky.bad = None
        await drained(owner)
    assert sequences(await everything(log)) == {lead: [1, 2, 3]}


async def test_of_three_relays_one_publishes_and_the_others_wait(app, worker, log, owner):
    async with relaying(worker, log), relaying(worker, log), relaying(worker, log):
        records = await written(app, 60, 2)
        await drained(owner)
        assert await owner.fetchval("SELECT epoch FROM relay_lease") == 1
    values = await everything(log)
    assert sorted(values) == sorted(record.value for record in records)


async def test_a_lost_connection_costs_an_epoch_and_no_event(app, worker, log, owner, log_owner):
    async with relaying(worker, log):
        records = []
        for _ in range(5):
            records += await written(app, 10, 2)
            for connection in (owner, log_owner):
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                    " datname = current_database() AND application_name = 'test'"
                    " AND usename = 'onefunnel_worker'"
                )
        await drained(owner)
        assert await owner.fetchval("SELECT epoch FROM relay_lease") > 1
    values = await everything(log)
    assert set(values) == {record.value for record in records}
    for numbers in sequences(values).values():
        assert list(dict.fromkeys(numbers)) == [1, 2]


async def test_a_commit_wakes_the_relay_without_polling(app, worker, log, owner, monkeypatch):
    monkeypatch.setattr("onefunnel.wakeups.FIRST_PAUSE_S", 60.0)
    monkeypatch.setattr("onefunnel.wakeups.LAST_PAUSE_S", 60.0)
    wakeups = Wakeups()
    async with asyncio.timeout(20), relaying(worker, log, wakeups=wakeups):
        await until(lambda: owner.fetchval("SELECT count(*) = 1 FROM relay_lease"))
        await written(app, 1)
        wakeups.wake()
        await drained(owner)


async def test_a_stopped_relay_leaves_its_lease_to_the_next(app, worker, log, owner):
    async with relaying(worker, log):
        await until(lambda: owner.fetchval("SELECT count(*) = 1 FROM relay_lease"))
    assert await owner.fetchval("SELECT owner IS NULL FROM relay_lease")


async def test_after_a_batch_of_large_records_the_next_ones_have_fewer(
    app, worker, log, owner, monkeypatch
):
    monkeypatch.setattr(relay_module, "BATCH_BYTES", 100_000)
    appended: list[int] = []
    open_writer = log.open_writer

    async def counting(source, epoch):
        writer = await open_writer(source, epoch)
        append = writer.append

        async def count(records):
            appended.append(len(records))
            return await append(records)

        writer.append = count
        return writer

    monkeypatch.setattr(log, "open_writer", counting)
    await written(app, 1)
    await owner.execute(
        "INSERT INTO outbox (tenant_id, event_id, key, topic, partition, record)"
        " SELECT tenant_id, event_id, key, topic, partition, convert_to(repeat('x', 10000), 'UTF8')"
        " FROM outbox, generate_series(1, 1000)"
    )
    async with relaying(worker, log):
        await drained(owner)
        await written(app, 1)
        await drained(owner)
    assert sum(appended) == 1002
    assert appended[:4] == [500, 250, 125, 62]
    assert min(appended) < 20
