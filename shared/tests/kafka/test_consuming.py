"""A relay writes to Kafka and reactions read from it: the same frame as over PostgreSQL."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

import pytest

from onefunnel.events.topics import Topic
from onefunnel.ids import new_id
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.outbox.relay import Relay
from onefunnel.testing.kafka_topics import led
from onefunnel.testing.small_reactions import (
    caught_up,
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


async def halted_at_all(owner) -> bool:
    query = "SELECT count(*) > 0 FROM stream_partition WHERE status = 'halted'"
    return bool(await owner.fetchval(query))


async def _are(owner, values) -> bool:
    return await effects(owner) == ids_of(values)
