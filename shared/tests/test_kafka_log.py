"""The Kafka log passes the contract, and what only it promises."""

import pytest

from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import KafkaTopics
from onefunnel.testing.log_contract import TOPICS, LogContract

ONE = Copies(replication=1, min_isr=1)


@pytest.fixture
async def bootstrap(kafka_bootstrap, topic_prefix):
    topics = KafkaTopics(kafka_bootstrap, ONE, TOPICS, prefix=topic_prefix)
    await topics.create()
    await topics.close()
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


class TestKafkaLog(LogContract):
    """The contract."""
