"""A relay writes to Kafka and reactions read from it: the same frame as over PostgreSQL."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, MessageSizeTooLargeError

from onefunnel.events.topics import Topic
from onefunnel.ids import new_id
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.outbox.relay import Relay
from onefunnel.testing.kafka_topics import led
from onefunnel.testing.small_reactions import (
    caught_up,
    dead,
    effects,
    halted,
    ids_of,
    reacting,
    values_of,
)
from onefunnel.testing.small_service import (
    SOURCE,
    TOPIC,
    everything,
    publish,
    sequences,
    without_repeats,
    written,
)
from onefunnel.testing.waiting import until
from onefunnel.wakeups import Wakeups

from .conftest import topics_of

LEADS = (Topic(TOPIC),)
MIB = 1 << 20
YEAR_3000_MS = 32_503_680_000_000


@pytest.fixture
async def bootstrap(kafka_bootstrap, topic_prefix):
    async with topics_of(kafka_bootstrap, topic_prefix, topics=LEADS) as topics:
        await topics.create()
    await led(kafka_bootstrap, topic_prefix, LEADS)
    return kafka_bootstrap


@pytest.fixture
async def log(bootstrap, topic_prefix):
    log = KafkaLog(bootstrap, LEADS, prefix=topic_prefix)
    yield log
    await log.close()


@pytest.fixture
def relaying(worker, log):
    """Return a running relay that is stopped at the end."""
    stop, wakeups = asyncio.Event(), Wakeups()
    relay = Relay(worker, log, SOURCE, wakeups.listen())
    return SimpleNamespace(run=lambda: relay.run(stop), stop=stop)


async def test_what_was_committed_is_published_in_order_through_a_broker_that_dies(
    app, owner, log, relaying, local_broker
):
    records = await written(app, leads=20, versions=5)
    running = asyncio.create_task(relaying.run())
    local_broker.kill()
    records += await written(app, leads=20, versions=5)
    await asyncio.to_thread(local_broker.start)
    await until(lambda: owner.fetchval("SELECT count(*) = 0 FROM outbox"), limit_s=60)
    relaying.stop.set()
    await running
    found = await everything(log)
    assert {record.value for record in records} == set(found)
    for published in sequences(found).values():
        assert without_repeats(published) == [1, 2, 3, 4, 5]


async def test_a_topic_made_anew_halts_who_read_it_and_nothing_of_it_takes_effect(
    worker, owner, log, make_anew, quick
):
    values = values_of(5)
    await publish(log, values, epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
        await make_anew(TOPIC)
        await publish(log, values_of(9, lead=new_id()), epoch=2)
        await until(lambda: halted_at_all(owner), limit_s=60)
    assert await effects(owner) == ids_of(values)


async def test_what_was_deleted_before_it_was_read_halts_its_partition_only(
    worker, owner, log, admin, topic_prefix, quick
):
    from aiokafka import TopicPartition
    from aiokafka.admin.records_to_delete import RecordsToDelete

    await publish(log, values_of(5), epoch=1)
    place = TopicPartition(topic_prefix + TOPIC, 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=3)})
    kept = values_of(4, lead=UUID(int=77))
    await publish(log, kept, epoch=2, number=1)
    async with reacting(worker, log):
        await until(lambda: halted(owner), limit_s=60)
        await until(lambda: _are(owner, kept), limit_s=60)


@pytest.fixture
async def stranger(bootstrap, topic_prefix):
    """Return what writes to the topic without being one of us."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=8 * MIB)
    await producer.start()

    async def write(*values: bytes | None, at_ms: int | None = None) -> None:
        for value in values:
            await producer.send_and_wait(
                topic_prefix + TOPIC, value, key=b"anybody's", partition=0, timestamp_ms=at_ms
            )

    yield write
    await producer.stop()


async def test_what_a_stranger_writes_is_put_aside_and_the_rest_flows(worker, owner, log, stranger):
    good = values_of(3)
    nobodys = good[0].replace(b'"tenantid"', b'"x-tenantid"')
    bad = [b"no JSON", b"", None, b"x" * (MIB + 1), nobodys]
    await publish(log, good[:1], epoch=1)
    await stranger(*bad)
    await publish(log, good[1:], epoch=2)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(good)
    letters = await dead(owner)
    assert [letter.record for letter in letters] == [value or b"" for value in bad]
    assert all(letter.reason.startswith("no envelope") for letter in letters)


async def test_a_record_that_no_topic_of_ours_may_hold_is_refused_by_the_broker(stranger):
    with pytest.raises(MessageSizeTooLargeError):
        await stranger(b"x" * (2 * MIB + 1))


async def test_when_a_record_says_it_was_written_does_not_matter(worker, owner, log, stranger):
    values = values_of(2)
    with pytest.raises(InvalidTimestampError):  # the broker's own clock is looked at by the broker
        await stranger(values[0], at_ms=YEAR_3000_MS)
    await stranger(values[0], at_ms=0)
    await stranger(values[1], at_ms=1)
    await stranger(*values)  # and again, by the clock
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    assert await dead(owner) == []


async def halted_at_all(owner) -> bool:
    query = "SELECT count(*) > 0 FROM stream_partition WHERE status = 'halted'"
    return bool(await owner.fetchval(query))


async def _are(owner, values) -> bool:
    return await effects(owner) == ids_of(values)
