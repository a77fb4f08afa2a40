"""What came out of the log, parsed as far as a consumer can use it."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope, decode
from onefunnel.events.fast import decode_data
from onefunnel.log.dead_letters import Death
from onefunnel.log.port import Partition, Slice

# Handles one event inside the turn's transaction, under the worker role with the event's tenant set.
# `event` has the fields of its class. A handler commits nothing and calls nobody.
Handler = Callable[[AsyncConnection, Envelope, Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record. No event: nobody here reacts to its type, or `fault` says why it has none."""

    partition: Partition
    position: int
    record: bytes
    envelope: Envelope | None = None
    event: Event | None = None
    fault: str | None = None

    def death(self, reason: str) -> Death:
        """Return the dead letter that this record becomes."""
        seen = self.envelope
        return Death(
            self.partition,
            self.position,
            self.record,
            reason,
            seen.id if seen else None,
            seen.tenantid if seen else None,
            seen.type if seen else None,
        )


def arrivals(partition: Partition, found: Slice, types: Collection[str]) -> Iterator[Arrival]:
    """Parse a slice in order; only data of the given types is looked into."""
    for position, record in zip(found.positions, found.values, strict=True):
        yield parse(partition, position, record, types)


def parse(partition: Partition, position: int, record: bytes, types: Collection[str]) -> Arrival:
    """Parse one record. Never raises: what is wrong with it is part of the answer."""
    try:
        envelope = decode(record)
    except msgspec.DecodeError as error:
        return Arrival(partition, position, record, fault=f"no envelope: {error}")
    if envelope.type not in types:
        return Arrival(partition, position, record, envelope)
    try:
        event = decode_data(envelope.type, envelope.data)
    except msgspec.DecodeError as error:
        return Arrival(partition, position, record, envelope, fault=f"no {envelope.type}: {error}")
    return Arrival(partition, position, record, envelope, event)
