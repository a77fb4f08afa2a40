"""Topics of a test's own on a real Kafka: made, waited for, done away with."""

from collections.abc import Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from onefunnel.events.topics import TOPICS, Topic
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.kafka_register import REGISTER
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import KafkaTopics
from onefunnel.log.port import Partition, Unavailable
from onefunnel.testing.waiting import until

ONE: Final = Copies(replication=1, min_isr=1)


async def make_topics(bootstrap: str, prefix: str, topics: Sequence[Topic] = TOPICS) -> None:
    """Make topics on one broker, as `migrate` does, and return when they can be written to."""
    made = KafkaTopics(bootstrap, ONE, topics, prefix=prefix)
    try:
        await made.create()
    finally:
        await made.close()
    await led(bootstrap, prefix, topics)


async def drop_topics(bootstrap: str, prefix: str, topics: Sequence[Topic] = TOPICS) -> None:
    """Delete topics, and the register with them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([prefix + name for name in [*(t.name for t in topics), REGISTER]])
    finally:
        await admin.close()


async def led(bootstrap: str, prefix: str, topics: Sequence[Topic]) -> None:
    """Wait until every partition has a leader, which is a moment after it is there."""
    log = KafkaLog(bootstrap, topics, prefix=prefix)
    places = [Partition(topic.name, n) for topic in topics for n in range(topic.partitions)]

    async def answered() -> bool:
        try:
            return await log.end_positions(places) != {}
        except Unavailable:
            return False

    await until(answered)
    await log.close()
