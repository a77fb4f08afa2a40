"""Reading Kafka without a group: partitions are assigned and sought by us, positions never reset."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError

from onefunnel.log.kafka_access import Brokers
from onefunnel.log.kafka_place import Place
from onefunnel.log.kafka_session import (
    close_soon,
    new_consumer,
    unavailable_on_error,
)
from onefunnel.log.port import (
    Damaged,
    LogChanged,
    LogError,
    Partition,
    PositionOutOfRange,
    Slice,
    Unavailable,
)
from onefunnel.wakeups import Listener

IDENTITY_S: Final = 1.0
STALLED_S: Final = 5.0

TopicIds = Callable[[Collection[str]], Awaitable[Mapping[str, UUID]]]
Wanted = Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a caller takes at once."""

    records: int
    bytes: int
    each: int


class KafkaReader:
    """Reads any partitions from any positions, through a consumer that is replaced when in doubt.

    The client reads ahead. What it gave and the caller has not asked for yet waits in `Place`s; after
    any error they are forgotten and every partition is sought again, because the client may have
    moved on past records that nobody was given.
    """

    def __init__(self, brokers: Brokers, prefix: str, topic_ids: TopicIds) -> None:
        """Take `topic_ids`, which tells what a topic is beside its name."""
        self._brokers = brokers
        self._prefix = prefix
        self._topic_ids = topic_ids
        self._consumer: AIOKafkaConsumer | None = None
        self._places: dict[Partition, Place] = {}
        self._known_ids: dict[str, UUID] = {}
        self._known_at = 0.0
        self._behind: dict[Partition, int] = {}
        self._looked_at = 0.0

    async def fetch(
        self,
        wanted: Wanted,
        *,
        max_records: int,
        max_bytes: int,
        wait_s: float,
        max_each: int | None = None,
    ) -> dict[Partition, Slice]:
        """Return records from the given next positions onwards, waiting for the first of them."""
        if not wanted:  # the client would wait until it is assigned something, or give anything
            await Listener().wait(wait_s)
            return {}
        limits = Limits(max_records, max_bytes, max_each or max_records)
        try:
            async with unavailable_on_error(wait_s + STALLED_S):
                return await self._fetch(wanted, limits, wait_s)
        except Unavailable:
            await self.close()
            raise
        except BaseException:  # also when cancelled
            self._places.clear()
            raise

    async def close(self) -> None:
        """Let go of the connection."""
        self._places.clear()
        self._behind.clear()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_soon(consumer.stop)

    async def _fetch(self, wanted: Wanted, limits: Limits, wait_s: float) -> dict[Partition, Slice]:
        consumer = await self._connected()
        await self._know_topics(wanted)
        self._aim(consumer, wanted)
        try:
            found = await self._within(consumer, wanted, limits, 0)
            await self._look_for_stalled(consumer, wanted)
            found = found or await self._within(consumer, wanted, limits, wait_s)
            if not found and await self._unsettled(consumer, wanted):
                found = await self._within(consumer, wanted, limits, STALLED_S)
                if not found:
                    raise Unavailable("there are records, and they do not come")
        except OffsetOutOfRangeError as error:
            await self._know_topics(wanted, anew=True)
            raise await self._out_of_range(consumer, *error.args[0].popitem()) from error
        await self._know_topics(wanted)
        return found

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = new_consumer(self._brokers)
            try:
                await consumer.start()
            except BaseException:  # also when cancelled: one that is half started is of no use
                await close_soon(consumer.stop)
                raise
            self._consumer = consumer
        return self._consumer

    def _aim(self, consumer: AIOKafkaConsumer, wanted: Wanted) -> None:
        """Let the client read what is wanted from where it is wanted."""
        new = wanted.keys() - self._places.keys()
        if new:
            self._places |= {p: Place(self._name(p), wanted[p]) for p in new}
            consumer.assign([place.name for place in self._places.values()])
            for place in self._places.values():  # no wait in between: a partition without a
                consumer.seek(place.name, place.taken)  # position is an error to the client
        for partition, position in wanted.items():
            if self._places[partition].given != position:
                self._places[partition] = place = Place(self._name(partition), position)
                consumer.seek(place.name, position)

    async def _within(
        self, consumer: AIOKafkaConsumer, wanted: Wanted, limits: Limits, seconds: float
    ) -> dict[Partition, Slice]:
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while True:
            await self._take(consumer, wanted, limits.records, limits.each)
            found = self._give(wanted, limits)
            left = until - clock()
            if found or left <= 0:
                return found
            await self._wait(consumer, wanted, left)

    async def _take(
        self, consumer: AIOKafkaConsumer, wanted: Wanted, enough: int, each: int
    ) -> None:
        """Take over what the client has read, in the order of `wanted`, until there is enough."""
        # Of which partitions it has anything, it does not tell: asking for each of a hundred costs
        # three milliseconds a turn.
        ready = consumer._fetcher._records  # noqa: SLF001
        for partition in wanted:
            place = self._places[partition]
            lacking = min(enough, each) - place.held
            if lacking > 0 and place.name in ready:
                await self._take_of(consumer, partition, lacking)
            enough -= min(place.held, each)
            if enough <= 0:
                return

    async def _take_of(self, consumer: AIOKafkaConsumer, partition: Partition, most: int) -> None:
        place = self._places[partition]
        try:
            got = await consumer.getmany(place.name, timeout_ms=0, max_records=most)
        except CorruptRecordException:
            await self._take_intact(consumer, partition)
        else:
            _add(consumer, place, got)

    async def _take_intact(self, consumer: AIOKafkaConsumer, partition: Partition) -> None:
        """Take what stands before a damaged batch, one by one; raise `Damaged` if nothing does."""
        place = self._places[partition]
        consumer.seek(place.name, place.taken)
        try:
            while got := await consumer.getmany(
                place.name, timeout_ms=int(STALLED_S * 1_000), max_records=1
            ):
                _add(consumer, place, got)
        except CorruptRecordException as error:
            if not place.held:
                raise Damaged(partition, place.taken) from error
            consumer.seek(place.name, place.taken)

    async def _wait(self, consumer: AIOKafkaConsumer, wanted: Wanted, seconds: float) -> None:
        """Wait until the client has read something of what is wanted, and take one record of it."""
        places = {self._places[partition].name: partition for partition in wanted}
        try:
            got = await consumer.getmany(
                *places, timeout_ms=int(seconds * 1_000) + 1, max_records=1
            )
        except CorruptRecordException as error:
            for name, partition in places.items():
                if str(name) in str(error):  # it is not told otherwise
                    return await self._take_intact(consumer, partition)
            raise
        for name in got:
            _add(consumer, self._places[places[name]], got)
        return None

    def _give(self, wanted: Wanted, limits: Limits) -> dict[Partition, Slice]:
        found: dict[Partition, Slice] = {}
        records, size = limits.records, limits.bytes
        for partition in wanted:
            if records <= 0 or size <= 0:
                break
            slice_ = self._places[partition].give(min(records, limits.each), size)
            if slice_ is not None:
                found[partition] = slice_
                records -= len(slice_.values)
                size -= sum(map(len, slice_.values))
        return found

    async def _unsettled(self, consumer: AIOKafkaConsumer, wanted: Wanted) -> dict[Partition, int]:
        """Return where we have nothing and do not stand at the end either: records or an error must come.

        An end that lies before us is no error yet: a new leader learns of the end a moment late.
        Whether we are out of range, the broker says when it is asked for records.
        """
        places = {p: place for p in wanted if not (place := self._places[p]).held}
        if not places:
            return {}
        ends = await consumer.end_offsets([place.name for place in places.values()])
        return {p: place.taken for p, place in places.items() if ends[place.name] != place.taken}

    async def _look_for_stalled(self, consumer: AIOKafkaConsumer, wanted: Wanted) -> None:
        """Raise `Unavailable` if the client seems alive and yet brings nothing of some partition."""
        now = asyncio.get_running_loop().time()
        if now < self._looked_at + STALLED_S:
            return
        self._looked_at = now
        await self._take(consumer, wanted, len(wanted), 1)  # of those too that were not served yet
        behind = await self._unsettled(consumer, wanted)
        stalled = [p for p, position in behind.items() if self._behind.get(p) == position]
        if stalled:
            raise Unavailable(f"there are records, and they do not come: {stalled[0]}")
        self._behind = behind

    async def _know_topics(self, wanted: Wanted, *, anew: bool = False) -> None:
        """Raise `LogChanged` if a topic was made anew since we first read it. Asked now and then.

        Asked after records were read, it vouches for them: an id that was given up never comes back.
        """
        now = asyncio.get_running_loop().time()
        topics = {partition.topic for partition in wanted}
        if not anew and topics <= self._known_ids.keys() and now < self._known_at + IDENTITY_S:
            return
        self._known_at = now
        for topic, topic_id in (await self._topic_ids(topics)).items():
            if self._known_ids.setdefault(topic, topic_id) != topic_id:
                raise LogChanged(topic_id)

    async def _out_of_range(
        self, consumer: AIOKafkaConsumer, name: TopicPartition, position: int
    ) -> LogError:
        starts = await consumer.beginning_offsets([name])
        ends = await consumer.end_offsets([name])
        if starts[name] <= position <= ends[name]:
            return Unavailable("the leader did not have a position that there is")
        partition = Partition(name.topic.removeprefix(self._prefix), name.partition)
        return PositionOutOfRange(partition, position, starts[name], ends[name])

    def _name(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._prefix + partition.topic, partition.number)


def _add(
    consumer: AIOKafkaConsumer,
    place: Place,
    got: Mapping[TopicPartition, Sequence[ConsumerRecord]],
) -> None:
    records = got.get(place.name)
    if records and not place.add(records):
        consumer.seek(place.name, place.taken)
