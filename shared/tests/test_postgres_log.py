"""The PostgreSQL log passes the contract, and what only it promises."""

import asyncio
import contextlib
from uuid import uuid4

import asyncpg
import pytest

from onefunnel.events.topics import Topic
from onefunnel.log.batch import BadChecksum, pack, unpack
from onefunnel.log.port import (
    Damaged,
    LogChanged,
    Partition,
    PartitionsChanged,
    PositionOutOfRange,
    Unavailable,
)
from onefunnel.log.postgres_log import PostgresLog, create_topics
from onefunnel.log.retention import keep_retention
from onefunnel.persistence import idling
from onefunnel.persistence.urls import WORKER_ROLE
from onefunnel.testing.log_contract import (
    A0,
    A1,
    B0,
    PLENTY,
    TOPICS,
    LogContract,
    append,
    read,
    records,
)
from onefunnel.testing.waiting import until

LIMITS = {"max_records": PLENTY, "max_bytes": PLENTY}


@pytest.fixture
async def eventlog(fresh_database):
    fresh = fresh_database("onefunnel.log")
    await create_topics(fresh.owner_url, TOPICS)
    return fresh


@pytest.fixture
async def log(eventlog, open_database):
    log = PostgresLog(open_database(eventlog.worker_url))
    yield log
    await log.close()


@pytest.fixture
async def other_log(eventlog, open_database):
    log = PostgresLog(open_database(eventlog.worker_url))
    yield log
    await log.close()


@pytest.fixture
async def owner(eventlog):
    connection = await asyncpg.connect(eventlog.owner_url)
    yield connection
    await connection.close()


# A transaction sees one unchanging pg_stat_activity, so that looking needs a connection of its own.
observer = owner


class TestPostgresLog(LogContract):
    """The contract."""


def test_any_flipped_bit_of_a_batch_is_found():
    packed = pack([b"some record", b"another"])
    for bit in range(len(packed.data) * 8):
        with pytest.raises(BadChecksum):
            unpack(packed.n, packed.crc, flipped(packed.data, bit))
    with pytest.raises(BadChecksum):
        unpack(packed.n + 1, packed.crc, packed.data)


def flipped(data: bytes, bit: int) -> bytes:
    bad = bytearray(data)
    bad[bit // 8] ^= 1 << bit % 8
    return bytes(bad)


async def test_a_damaged_batch_is_not_read_and_what_is_before_it_is(log, owner):
    await append(log, records(A0, "intact"))
    await append(log, records(A0, "some record", "another"), epoch=2)
    data = await owner.fetchval("SELECT data FROM record_batch WHERE base = 1")
    await owner.execute("UPDATE record_batch SET data = $1 WHERE base = 1", flipped(data, 99))
    assert list((await read(log, {A0: 0}, max_records=1))[A0].values) == [b"intact"]
    with pytest.raises(Damaged) as caught:
        await read(log, {A0: 0}, wait_s=0)
    assert (caught.value.partition, caught.value.position) == (A0, 1)


async def test_a_batch_that_vanished_between_two_others_is_found(log, owner):
    for epoch in (1, 2, 3):
        await append(log, records(A0, "a"), epoch=epoch)
    await owner.execute("DELETE FROM record_batch WHERE base = 1")
    with pytest.raises(Damaged):
        await read(log, {A0: 0}, wait_s=0)


async def test_retention_drops_whole_batches_and_raises_the_start(log, owner):
    for epoch in (1, 2, 3):
        await append(log, [*records(B0, "x", "y"), *records(A0, "kept")], epoch=epoch)
    old = "UPDATE record_batch SET appended_at = now() - interval '25 hours' WHERE base < 4"
    await owner.execute(old)
    assert await log.expire() == 4
    assert await log.start_positions([B0, A0]) == {B0: 4, A0: 0}
    for position in range(4):
        with pytest.raises(PositionOutOfRange):
            await read(log, {B0: position}, wait_s=0)
    assert list((await read(log, {B0: 4}))[B0].values) == [b"x", b"y"]
    assert await log.expire() == 0


async def test_retention_is_kept_in_the_background_until_it_is_stopped(log, owner):
    await append(log, records(B0, "old"))
    await owner.execute("UPDATE record_batch SET appended_at = now() - interval '25 hours'")
    stop = asyncio.Event()
    keeping = asyncio.create_task(keep_retention(log, stop))
    await until(lambda: owner.fetchval("SELECT count(*) = 0 FROM record_batch"))
    stop.set()
    async with asyncio.timeout(20):
        await keeping


async def test_retention_of_everything_leaves_the_end_where_it_was(log, owner):
    await append(log, records(B0, "x", "y"))
    await owner.execute("UPDATE record_batch SET appended_at = now() - interval '25 hours'")
    assert await log.expire() == 2
    assert await log.start_positions([B0]) == await log.end_positions([B0]) == {B0: 2}
    assert list(await append(log, records(B0, "z"), epoch=2)) == [2]


async def test_retention_cannot_drop_what_is_appended_meanwhile(log, other_log, owner, observer):
    await append(log, records(B0, "old"))
    await owner.execute("UPDATE record_batch SET appended_at = now() - interval '25 hours'")
    async with owner.transaction():  # holds the expiry between its start and its locks
        await owner.execute("SELECT 1 FROM head FOR UPDATE")
        writing = asyncio.create_task(append(other_log, records(B0, "fresh"), epoch=2))
        await waiting(observer, 1)
        expiring = asyncio.create_task(log.expire())
        await waiting(observer, 2)
    await writing
    assert await expiring == 1
    assert list((await read(log, {B0: 1}))[B0].values) == [b"fresh"]


async def waiting(observer, n: int) -> None:
    """Return when `n` other sessions of this database wait for a lock."""
    query = (
        "SELECT count(*) = $1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    await until(lambda: observer.fetchval(query, n))


async def test_a_log_that_was_replaced_is_noticed(log, owner):
    await append(log, records(A0, "a"))
    reader = log.reader()
    await reader.fetch({A0: 0}, wait_s=0, **LIMITS)
    other = uuid4()
    await owner.execute("UPDATE meta SET log_id = $1", other)
    with pytest.raises(LogChanged) as caught:
        await reader.fetch({A0: 0}, wait_s=0, **LIMITS)
    assert caught.value.log_id == other
    await reader.close()


async def test_another_number_of_partitions_is_refused(eventlog):
    await create_topics(eventlog.owner_url, TOPICS)
    with pytest.raises(PartitionsChanged):
        await create_topics(eventlog.owner_url, [Topic(A0.topic, partitions=4)])


async def test_after_a_lost_connection_the_next_call_works(log, owner):
    await append(log, records(A0, "a"))
    reader = log.reader()
    await reader.fetch({A0: 0}, wait_s=0, **LIMITS)
    writer = await log.open_writer("/services/test", 2)
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with contextlib.suppress(Unavailable):  # or it has noticed and connected anew
        await writer.append(records(A0, "b"))
    with contextlib.suppress(Unavailable):
        await reader.fetch({A0: 0}, wait_s=0, **LIMITS)
    assert (await reader.fetch({A0: 0}, wait_s=0, **LIMITS))[A0].values[0] == b"a"
    await writer.append(records(A0, "c"))
    assert (await everything(log, A0))[-1] == b"c"
    await reader.close()
    await writer.close()


async def test_a_writer_that_has_nothing_to_append_keeps_its_connection(
    log, observer, monkeypatch, eventlog
):
    monkeypatch.setattr(idling, "IDLE_S", 0.01)
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename = $2"

    async def nobody_is_connected():
        return not await observer.fetchval(sessions, eventlog.name, WORKER_ROLE)

    writer = await log.open_writer("/services/test", 1)
    await writer.append(records(A0, "a"))
    await until(nobody_is_connected)
    await writer.append(records(A0, "b"))
    assert await everything(log, A0) == [b"a", b"b"]
    await writer.close()


async def test_a_statement_that_fails_is_unavailable(log, owner):
    await owner.execute("ALTER TABLE record_batch RENAME TO away")
    with pytest.raises(Unavailable):
        await append(log, records(A0, "a"))


async def test_raising_the_fence_waits_for_the_append_in_flight(log, other_log, owner, observer):
    """An append that got its share lock first is in the log before the heir's first record."""
    zombie = await log.open_writer("/services/test", 1)
    async with owner.transaction():  # holds the append after its fence check, at the heads
        await owner.execute("SELECT 1 FROM head FOR UPDATE")
        late = asyncio.create_task(zombie.append(records(A0, "first")))
        await waiting(observer, 1)
        opening = asyncio.create_task(other_log.open_writer("/services/test", 2))
        await waiting(observer, 2)
        assert not opening.done()
    assert list(await late) == [0]
    heir = await opening
    assert list(await heir.append(records(A0, "second"))) == [1]
    await zombie.close()
    await heir.close()


async def test_writers_of_two_sources_on_the_same_partitions_neither_block_nor_mix(log, other_log):
    async def write(log, source, order):
        writer = await log.open_writer(source, 1)
        for n in range(60):
            await writer.append([r for p in order for r in records(p, f"{source}{n}")])
        await writer.close()

    await asyncio.gather(write(log, "x", [A0, A1, B0]), write(other_log, "y", [B0, A1, A0]))
    for partition in (A0, A1, B0):
        values = await everything(log, partition)
        assert len(values) == 120
        for source in ("x", "y"):
            mine = [v for v in values if v.startswith(source.encode())]
            assert mine == [f"{source}{n}".encode() for n in range(60)]


async def everything(log, partition):
    values = []
    while found := await read(log, {partition: len(values)}, wait_s=0):
        values += found[partition].values
    return values


async def test_an_append_of_this_process_wakes_its_reader_without_polling(log, monkeypatch):
    monkeypatch.setattr("onefunnel.wakeups.FIRST_PAUSE_S", 60.0)
    monkeypatch.setattr("onefunnel.wakeups.LAST_PAUSE_S", 60.0)
    reader = log.reader()
    fetching = asyncio.create_task(reader.fetch({A0: 0}, wait_s=60, **LIMITS))
    async with asyncio.timeout(20):
        await append(log, records(A0, "a"))
        assert (await fetching)[A0].values[0] == b"a"
    await reader.close()


async def test_the_app_role_has_no_business_in_the_log(eventlog):
    connection = await asyncpg.connect(eventlog.app_url)
    for table in ("meta", "topic", "head", "fence", "record_batch"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT 1 FROM {table}")
    await connection.close()


def test_partitions_sort_in_the_order_in_which_rows_are_locked():
    assert min([Partition("b", 0), Partition("a", 2), Partition("a", 1)]) == ("a", 1)
