"""Appending to Kafka: explicit batches per partition through one idempotent producer.

Kafka cannot fence a writer by our epochs. A late writer duplicates what the next one wrote, which
consumers expect of every log; so a producer is given up after any doubt, and never used again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from onefunnel.log.kafka_session import abandon, close_soon, unavailable_on_error
from onefunnel.log.port import (
    MAX_APPEND_RECORDS,
    Outgoing,
    Partition,
    TooLarge,
    Unavailable,
    too_large,
)

# The value is the whole event, so that all logs hold the same bytes; this alone says what it is.
HEADERS: Final = [("content-type", b"application/cloudevents+json")]

Numbered = tuple[int, Outgoing]


class KafkaWriter:
    """The writer of one source. Its producer tells the broker apart what it sent twice."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str) -> None:
        self._producer: AIOKafkaProducer | None = producer
        self._prefix = prefix

    async def append(self, records: Sequence[Outgoing]) -> Sequence[int]:
        """Append all records and return their positions."""
        if self._producer is None:
            raise Unavailable("the writer is closed")
        assert len(records) <= MAX_APPEND_RECORDS, "the caller cuts its batches"
        if too_large(records):
            raise TooLarge
        try:
            async with unavailable_on_error():
                return await self._append(self._producer, records)
        except BaseException:  # also when cancelled: nobody would know what was sent
            producer, self._producer = self._producer, None
            await abandon(producer)
            raise

    async def close(self) -> None:
        """Let go of the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_soon(producer.stop)

    async def _append(
        self, producer: AIOKafkaProducer, records: Sequence[Outgoing]
    ) -> Sequence[int]:
        positions = [0] * len(records)
        left = _grouped(records)
        while left:  # one batch of each partition at a time: a batch that fails has no successor
            full = {place: _filled(producer, left[place]) for place in left}
            sent = [await self._send(producer, place, batch) for place, (batch, _) in full.items()]
            bases = await asyncio.gather(*sent)
            for (place, (_, n)), base in zip(full.items(), bases, strict=True):
                if base.offset < 0:  # sent twice, and the broker forgot where the first one stands
                    raise Unavailable("the broker does not know the positions any more")
                for position, (at, _) in enumerate(left[place][:n], start=base.offset):
                    positions[at] = position
            left = {p: rest for p, (_, n) in full.items() if (rest := left[p][n:])}
        return positions

    async def _send(
        self, producer: AIOKafkaProducer, place: Partition, batch: BatchBuilder
    ) -> "asyncio.Future[Any]":
        sent: asyncio.Future[Any] = await producer.send_batch(
            batch, self._prefix + place.topic, partition=place.number
        )
        return sent


def _grouped(records: Sequence[Outgoing]) -> Mapping[Partition, Sequence[Numbered]]:
    groups: dict[Partition, list[Numbered]] = defaultdict(list)
    for at, record in enumerate(records):
        groups[Partition(record.topic, record.partition)].append((at, record))
    return groups


def _filled(producer: AIOKafkaProducer, records: Sequence[Numbered]) -> tuple[BatchBuilder, int]:
    """Return a batch with as many of the records as it takes, and how many these are."""
    batch = producer.create_batch()
    for n, (_, record) in enumerate(records):
        key = str(record.key).encode("ascii")
        if not batch.append(key=key, value=record.value, timestamp=None, headers=HEADERS):
            return batch, n
    return batch, len(records)
