"""Which topics a cluster has: their ids, partitions and replicas. aiokafka's own requests know no ids."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_NO_ID: Final = UUID(int=0)


class _Uuid:
    """Kafka's UUID: sixteen bytes."""

    @staticmethod
    def encode(value: UUID) -> bytes:
        return value.bytes

    @staticmethod
    def decode(data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _Answer(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(
            ("node_id", Int32), ("host", CompactString()), ("port", Int32),
            ("rack", CompactString()), ("tags", TaggedFields),
        )),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        ("topics", CompactArray(
            ("error_code", Int16), ("topic", CompactString()), ("topic_id", _Uuid),
            ("is_internal", Boolean),
            ("partitions", CompactArray(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32),
                ("leader_epoch", Int32), ("replicas", CompactArray(Int32)),
                ("isr", CompactArray(Int32)), ("offline_replicas", CompactArray(Int32)),
                ("tags", TaggedFields),
            )),
            ("operations", Int32), ("tags", TaggedFields),
        )),
        ("tags", TaggedFields),
    )  # fmt: skip


class _Question(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(
            ("topic_id", _Uuid), ("topic", CompactString()), ("tags", TaggedFields),
        )),
        ("create_them", Boolean),
        ("with_operations", Boolean),
        ("tags", TaggedFields),
    )  # fmt: skip


class _TopicsWithIds(Request[_Question]):  # type: ignore[misc]
    """Metadata in the first version that both names topics and tells ids: Kafka 2.8 and later."""

    API_KEY = 3

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[_Question]) -> _Question:
        no_tags: Mapping[int, bytes] = {}
        wanted = [(_NO_ID, name, no_tags) for name in self._names]
        return request_struct_class(wanted, False, False, no_tags)


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the cluster has it; `topic_id` is another one whenever it was made anew."""

    topic_id: UUID
    partitions: int
    replication: int


async def find_topics(client: AIOKafkaClient, names: Collection[str]) -> Mapping[str, Found]:
    """Return those of the topics that are there."""
    answer = await client.send(client.get_random_node(), _TopicsWithIds(names))
    found: dict[str, Found] = {}
    for error_code, name, topic_id, _, partitions, _, _ in answer.topics:
        error: type[KafkaError] = for_code(error_code)
        if error is UnknownTopicOrPartitionError:
            continue
        if error_code:
            raise error(name)
        copies = min((len(partition[4]) for partition in partitions), default=0)
        found[name] = Found(topic_id, len(partitions), copies)
    return found
