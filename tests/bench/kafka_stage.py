"""A broker and the log on it, for the figures of the scale-out profile."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import KafkaTopics
from onefunnel.testing.kafka_broker import LocalBroker


@asynccontextmanager
async def kafka_log() -> AsyncIterator[KafkaLog]:
    """Start a broker of our own, make the topics, and yield the log."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="onefunnel-bench-"))
        broker = LocalBroker(Path(directory) / "kafka")
        broker.create()
        stack.callback(broker.kill)
        topics = KafkaTopics(broker.bootstrap, Copies(replication=1, min_isr=1))
        stack.push_async_callback(topics.close)
        await topics.create()
        log = KafkaLog(broker.bootstrap)
        stack.push_async_callback(log.close)
        yield log
