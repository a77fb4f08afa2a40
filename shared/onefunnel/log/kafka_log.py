"""The event log in Apache Kafka: the scale-out adapter.

Nothing of Kafka's groups, commits or transactions is used: who has read how far is kept where its
effect is. What this log cannot do is fence a writer of an earlier epoch; such a one may duplicate.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from onefunnel.events.topics import TOPICS, Topic
from onefunnel.log.kafka_access import IN_THE_CLEAR, Access, Brokers
from onefunnel.log.kafka_metadata import Found, find_topics
from onefunnel.log.kafka_reader import KafkaReader
from onefunnel.log.kafka_register import REGISTER, Register, read_register
from onefunnel.log.kafka_session import Session, abandon, new_producer, unavailable_on_error
from onefunnel.log.kafka_writer import KafkaWriter
from onefunnel.log.port import Partition, Reader, TopicSpec, Unavailable, Writer


class KafkaLog:
    """The log on the brokers at `bootstrap`. In Kafka, topics are called `prefix` and their name."""

    fences = False

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[Topic] = TOPICS,
        *,
        prefix: str = "",
        access: Access = IN_THE_CLEAR,
    ) -> None:
        self._brokers = Brokers(bootstrap, access)
        self._topics = {topic.name: topic for topic in topics}
        self._prefix = prefix
        self._session = Session(self._brokers)
        self._register = Register(UUID(int=0), {})

    async def topics(self) -> Sequence[TopicSpec]:
        """Return all topics."""
        found = await self._find([*self._topics, REGISTER])
        register = await self._registered(found)
        return [
            TopicSpec(
                topic.name,
                found[topic.name].partitions,
                topic.retention_days,
                register.log_id_of(topic.name, found[topic.name].topic_id),
            )
            for topic in self._topics.values()
        ]

    async def open_writer(self, source: str, epoch: int) -> Writer:  # noqa: ARG002 - cannot fence
        """Return a writer with a producer of its own."""
        producer = new_producer(self._brokers, source)
        try:
            async with unavailable_on_error():
                await producer.start()
        except BaseException:
            await abandon(producer)
            raise
        return KafkaWriter(producer, self._prefix)

    def reader(self) -> Reader:
        """Return a reader with a connection of its own."""
        return KafkaReader(self._brokers, self._prefix, self._topic_ids)

    async def start_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the first position that is still there."""
        return await self._positions(partitions, AIOKafkaConsumer.beginning_offsets)

    async def end_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the position that the next record will get."""
        return await self._positions(partitions, AIOKafkaConsumer.end_offsets)

    async def births(self) -> Mapping[str, UUID]:
        """Return which topics were born into this log, and what they were then."""
        return await read_register(self.reader(), await self.start_positions([_THE_REGISTER]))

    async def close(self) -> None:
        """Close the log's own connections; writers and readers close theirs."""
        await self._session.close()

    async def _positions(self, partitions: Collection[Partition], ask: Any) -> dict[Partition, int]:
        names = {p: TopicPartition(self._prefix + p.topic, p.number) for p in partitions}
        found = await self._session.with_consumer(lambda consumer: ask(consumer, [*names.values()]))
        return {partition: found[name] for partition, name in names.items()}

    async def _topic_ids(self, topics: Collection[str]) -> Mapping[str, UUID]:
        return {name: found.topic_id for name, found in (await self._find(topics)).items()}

    async def _find(self, topics: Collection[str]) -> Mapping[str, Found]:
        """Return what the cluster has by these names, all of them."""
        names = {self._prefix + topic: topic for topic in topics}
        found = await self._session.with_client(lambda client: find_topics(client, names))
        if missing := names.keys() - found.keys():
            raise Unavailable(f"no topics yet, `migrate` makes them: {', '.join(sorted(missing))}")
        return {names[name]: topic for name, topic in found.items()}

    async def _registered(self, found: Mapping[str, Found]) -> Register:
        """Return the register, read anew where it does not know all topics."""
        register_id = found[REGISTER].topic_id
        known = self._register
        if known.log_id != register_id or not known.births.keys() >= self._topics.keys():
            self._register = Register(register_id, await self.births())
        return self._register


_THE_REGISTER = Partition(REGISTER, 0)
