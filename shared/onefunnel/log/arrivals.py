"""What came out of the log, parsed as far as a consumer can use it."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeGuard

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope, decode
from onefunnel.events.fast import decode_data
from onefunnel.log.dead_letters import Death, Key
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

    @property
    def key(self) -> Key | None:
        """What its effect must come in order with; None where the bytes are no envelope."""
        seen = self.envelope
        return Key(self.partition.topic, seen.tenantid, seen.subject) if seen else None

    def death(self, reason: str, *, holds: bool = True) -> Death:
        """Return the dead letter that this record becomes; with `holds` its key waits for it."""
        seen, place = self.envelope, (self.partition, self.position, self.record, reason)
        if seen is None:
            return Death(*place, holds=False)
        sequence = int(seen.sequence) if _is_number(seen.sequence) else None
        return Death(*place, seen.id, self.key, seen.aggregatetype, sequence, seen.type, holds)


def _is_number(sequence: str | None) -> TypeGuard[str]:
    return sequence is not None and sequence.isascii() and sequence.isdigit() and len(sequence) < 19


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
