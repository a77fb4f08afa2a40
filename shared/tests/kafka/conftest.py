"""A Kafka log on topics of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from onefunnel.events.topics import Topic
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_topics import KafkaTopics
from onefunnel.testing.kafka_topics import ONE, led
from onefunnel.testing.log_contract import TOPICS
from onefunnel.testing.waiting import until

PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}


@asynccontextmanager
async def topics_of(bootstrap, prefix, *, copies=ONE, topics=TOPICS) -> AsyncIterator[KafkaTopics]:
    opened = KafkaTopics(bootstrap, copies, topics, prefix=prefix)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def bootstrap(kafka_bootstrap, topic_prefix):
    async with topics_of(kafka_bootstrap, topic_prefix) as topics:
        await topics.create()
    await led(kafka_bootstrap, topic_prefix, TOPICS)
    return kafka_bootstrap


@pytest.fixture
async def log(bootstrap, topic_prefix):
    log = KafkaLog(bootstrap, TOPICS, prefix=topic_prefix)
    yield log
    await log.close()


@pytest.fixture
async def other_log(bootstrap, topic_prefix):
    log = KafkaLog(bootstrap, TOPICS, prefix=topic_prefix)
    yield log
    await log.close()


@pytest.fixture
async def admin(bootstrap):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    yield admin
    await admin.close()


@pytest.fixture
def make_anew(admin, bootstrap, topic_prefix):
    """Return what deletes a topic and makes it again, as an operator does by mistake."""

    async def make_anew(name):
        await admin.delete_topics([topic_prefix + name])

        async def gone():
            return topic_prefix + name not in await admin.list_topics()

        await until(gone)
        shape = (Topic(name, partitions=PARTITIONS.get(name, 12)),)
        async with topics_of(bootstrap, topic_prefix, topics=shape) as topics:
            await topics._create([topic_prefix + name])

            async def back():
                return topic_prefix + name in await topics._find()

            await until(back)
        await led(bootstrap, topic_prefix, shape)

    return make_anew
