"""What a reader of Kafka does when the log, the broker or the client is not what it was."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete

from onefunnel.log import kafka_reader
from onefunnel.log.kafka_place import Place
from onefunnel.log.port import Damaged, LogChanged, PositionOutOfRange, Unavailable
from onefunnel.testing.log_contract import A0, A1, B0, PLENTY, A, B, append, read, records

LIMITS = {"max_records": PLENTY, "max_bytes": PLENTY}


@pytest.fixture
async def reader(log):
    reader = log.reader()
    yield reader
    await reader.close()


@pytest.fixture
def wary(monkeypatch):
    """Ask at every fetch whether a topic is still the same."""
    monkeypatch.setattr(kafka_reader, "IDENTITY_S", 0.0)


async def test_a_topic_made_anew_is_another_log_and_the_others_are_not(log, make_anew):
    before = {spec.name: spec.log_id for spec in await log.topics()}
    await make_anew(A)
    after = {spec.name: spec.log_id for spec in await log.topics()}
    assert after[A] != before[A]
    assert after[B] == before[B]


async def test_a_reader_does_not_read_on_in_a_topic_made_anew(log, reader, make_anew, wary):
    await append(log, records(A0, "a", "b", "c"))
    assert len((await reader.fetch({A0: 0}, wait_s=5, **LIMITS))[A0].values) == 3
    await make_anew(A)
    await append(log, records(A0, *"uvwxyz"), epoch=2)
    for _ in range(2):
        with pytest.raises(LogChanged):
            await reader.fetch({A0: 3}, wait_s=5, **LIMITS)


async def test_a_position_that_was_in_range_before_the_topic_was_made_anew_is_no_range_error(
    log, reader, make_anew
):
    await append(log, records(A0, "a", "b", "c"))
    await reader.fetch({A0: 0}, wait_s=5, **LIMITS)
    await make_anew(A)
    with pytest.raises(LogChanged):
        await reader.fetch({A0: 3}, wait_s=5, **LIMITS)


async def test_what_was_deleted_before_it_was_read_is_told_and_never_skipped(
    log, reader, admin, topic_prefix
):
    await append(log, records(A0, *"abcdef"))
    place = TopicPartition(topic_prefix + A, 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=4)})
    for _ in range(2):
        with pytest.raises(PositionOutOfRange) as caught:
            await reader.fetch({A0: 2}, wait_s=1, **LIMITS)
        assert (caught.value.partition, caught.value.start, caught.value.end) == (A0, 4, 6)
    assert list((await reader.fetch({A0: 4}, wait_s=5, **LIMITS))[A0].values) == [b"e", b"f"]


async def test_a_fetch_that_is_cancelled_at_any_moment_loses_nothing(log, reader):
    written = [str(n) for n in range(400)]
    for epoch, start in enumerate(range(0, 400, 40), start=1):
        await append(log, records(A0, *written[start : start + 40]), epoch=epoch)
    await reader.fetch({A1: 0}, max_records=1, max_bytes=1, wait_s=0)  # is connected
    found, at, delay_s = [], 0, 0.0
    while at < 400:
        fetch = asyncio.create_task(
            reader.fetch({A0: at, A1: 0}, max_records=7, max_bytes=PLENTY, wait_s=1)
        )
        done, _ = await asyncio.wait([fetch], timeout=delay_s)
        delay_s = (delay_s + 0.0007) % 0.05
        if not done:
            fetch.cancel()
            await asyncio.wait([fetch])
        if not fetch.cancelled():
            slice_ = fetch.result()[A0]
            found += [value.decode() for value in slice_.values]
            at = slice_.next_position
    assert found == written


async def test_the_order_asked_for_holds_however_much_the_client_read_ahead(log, reader):
    for epoch in (1, 2, 3):
        await append(log, [*records(A0, *"abcd"), *records(B0, *"wxyz")], epoch=epoch)
    wanted = {B0: 0, A0: 0}
    seen = []
    while len(seen) < 24:
        found = await reader.fetch(wanted, max_records=5, max_bytes=PLENTY, wait_s=5)
        for partition, slice_ in found.items():
            seen += [partition] * len(slice_.values)
            wanted[partition] = slice_.next_position
    assert seen == [B0] * 12 + [A0] * 12


async def test_a_client_that_brings_nothing_while_there_is_something_is_replaced(
    log, reader, monkeypatch
):
    monkeypatch.setattr(kafka_reader, "STALLED_S", 0.2)
    await append(log, records(A0, "a"))

    async def dead(*_, **__):
        return {}

    consumer = await reader._connected()
    consumer.getmany = dead
    with pytest.raises(Unavailable, match="do not come"):
        await reader.fetch({A0: 0}, wait_s=0, **LIMITS)
    assert await reader._connected() is not consumer
    monkeypatch.undo()
    assert (await reader.fetch({A0: 0}, wait_s=5, **LIMITS))[A0].values == [b"a"]


async def test_a_partition_that_stands_still_while_others_move_is_noticed(log, reader, monkeypatch):
    monkeypatch.setattr(kafka_reader, "STALLED_S", 0.3)
    await append(log, records(A1, "x"))
    consumer = await reader._connected()
    alive = consumer.getmany

    async def lame(*names, **how):
        healthy = [name for name in names if name.partition != 1]
        return await alive(*healthy, **how) if healthy else {}

    consumer.getmany = lame

    async def flow():
        wanted = {A0: 0, A1: 0}
        for epoch in range(1, 1_000):
            await append(log, records(A0, "more"), epoch=epoch)
            found = await reader.fetch(wanted, wait_s=5, **LIMITS)
            assert found.keys() == {A0}
            wanted[A0] = found[A0].next_position

    with pytest.raises(Unavailable, match=r"do not come: .*number=1"):
        await flow()


async def test_a_batch_that_is_damaged_on_the_brokers_disk_is_not_read(
    log, local_broker, topic_prefix
):
    await append(log, records(A0, "intact"))
    await append(log, records(A0, "x" * 500, "another"), epoch=2)
    segment = local_broker.data / f"{topic_prefix}{A}-0" / "00000000000000000000.log"
    content = bytearray(segment.read_bytes())
    content[-3] ^= 1
    segment.write_bytes(content)
    assert list((await read(log, {A0: 0}))[A0].values) == [b"intact"]
    with pytest.raises(Damaged) as caught:
        await read(log, {A0: 1})
    assert (caught.value.partition, caught.value.position) == (A0, 1)


def test_a_gap_is_believed_when_it_is_seen_twice():
    place = Place(TopicPartition("t", 0), 5)
    late = [SimpleNamespace(offset=7, value=b"x"), SimpleNamespace(offset=9, value=b"y")]
    assert not place.add(late)
    assert (place.held, place.taken) == (0, 5)
    assert place.add(late)
    slice_ = place.give(10, PLENTY)
    assert (list(slice_.positions), slice_.next_position) == ([7, 9], 10)
    assert (place.given, place.taken) == (10, 10)
