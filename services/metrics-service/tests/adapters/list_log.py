"""A log in a list: the port's reading side without a database, for tests that shuffle thousands of records."""

from collections import defaultdict
from uuid import UUID

from onefunnel.events.topics import TOPICS
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import Partition, PositionOutOfRange, Slice, TopicSpec

LOG_ID = UUID(int=1)
COUNTS = {topic.name: topic.partitions for topic in TOPICS}


class ListLog:
    """Positions are indexes. Nothing waits."""

    fences = True

    def __init__(self) -> None:
        self.records: dict[Partition, list[bytes]] = defaultdict(list)

    def append(self, topic: str, key: UUID, record: bytes) -> Partition:
        partition = Partition(topic, partition_of(key, COUNTS[topic]))
        self.records[partition].append(record)
        return partition

    async def topics(self) -> list[TopicSpec]:
        return [TopicSpec(t.name, t.partitions, t.retention_days, LOG_ID) for t in TOPICS]

    def reader(self) -> "ListLog":
        return self

    async def fetch(self, wanted, *, max_records, max_bytes, wait_s):
        found = {}
        for partition, position in wanted.items():
            records = self.records[partition]
            if position > len(records):
                raise PositionOutOfRange(partition, position, 0, len(records))
            part = records[position : position + max_records]
            if part:
                found[partition] = Slice(range(position, position + len(part)), part)
                max_records -= len(part)
            if max_records <= 0:
                break
        return found

    async def end_positions(self, partitions) -> dict[Partition, int]:
        return {partition: len(self.records[partition]) for partition in partitions}

    async def start_positions(self, partitions) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    async def close(self) -> None:
        pass
