"""The event log's port. These docstrings are its specification; `testing.log_contract` checks them.

A log is a set of topics, a topic a fixed number of partitions, a partition a gapless row of records
at positions 0, 1, 2, …  Nothing in here knows groups, commits or rebalances: who has read how far is
kept in the consumer's own database, in the transaction that holds the effect.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from onefunnel.errors import Refused
from onefunnel.events.envelope import MAX_RECORD_BYTES

MAX_APPEND_RECORDS: Final = 5_000


class Partition(NamedTuple):
    """One partition of one topic. Sorts by topic, then number: the order in which rows are locked."""

    topic: str
    number: int


class Outgoing(NamedTuple):
    """A record on its way into the log; `value` is stored and returned byte for byte."""

    topic: str
    partition: int
    key: UUID
    value: bytes


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the log has it. `log_id` changes if and only if its positions lost their meaning."""

    name: str
    partitions: int
    retention_days: int | None
    log_id: UUID


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive records of one partition: `values[i]` stands at `positions[i]`, ascending."""

    positions: Sequence[int]
    values: Sequence[bytes]

    @property
    def next_position(self) -> int:
        """Return the position after the last record."""
        return self.positions[-1] + 1


class LogError(Exception):
    """What a log may raise; nothing else leaves an adapter."""


class Unavailable(LogError):
    """The log did not answer, or the outcome is unknown. Close the writer or reader and start again."""


class Fenced(LogError):
    """A writer of a later epoch was opened for this source. Nothing of the call was appended."""


class TooLarge(LogError):
    """A record exceeds `MAX_RECORD_BYTES`. Nothing of the call was appended; the writer still works."""


class PositionOutOfRange(LogError):
    """The position asked for is before the start (retention) or beyond the end of its partition."""

    def __init__(self, partition: Partition, position: int, start: int, end: int) -> None:
        super().__init__(
            f"{partition.topic}/{partition.number} holds {start}..{end}, not {position}"
        )
        self.partition = partition
        self.position = position
        self.start = start
        self.end = end


class LogChanged(LogError):
    """This is not the log that the positions belong to: it was made anew or replaced by another."""

    def __init__(self, log_id: UUID | None) -> None:
        super().__init__(f"the log is now {log_id}")
        self.log_id = log_id


class Damaged(LogError):
    """Stored bytes are not the bytes that were appended. Nothing at or after the position is given."""

    def __init__(self, partition: Partition, position: int) -> None:
        super().__init__(f"{partition.topic}/{partition.number} at {position} fails its checksum")
        self.partition = partition
        self.position = position


class PartitionsChanged(Refused):
    """A topic has another number of partitions than it had: keys would change place. Nobody works on."""


class Writer(Protocol):
    """Appends for one source under one epoch. Used by one task at a time."""

    async def append(self, records: Sequence[Outgoing]) -> Sequence[int]:
        """Append all records and return their positions, in the order given.

        When it returns, all are durable and visible to readers; records of one partition stand in
        the order given, after everything appended to it before. At most `MAX_APPEND_RECORDS`.
        Raises `Fenced` or `TooLarge`, and then nothing was appended, or `Unavailable`, and then
        any number may have been: the caller opens a writer of a later epoch and appends again
        (duplicates are allowed, loss and reordering are not).
        """
        ...

    async def close(self) -> None:
        """Let go of the connection. Never raises; a closed writer raises `Unavailable`."""
        ...


class Reader(Protocol):
    """Reads any partitions from any positions. Used by one task at a time."""

    async def fetch(
        self,
        wanted: Mapping[Partition, int],
        *,
        max_records: int,
        max_bytes: int,
        wait_s: float,
        max_each: int | None = None,
    ) -> dict[Partition, Slice]:
        """Return records from the given next positions onwards.

        Partitions are served in the order of `wanted` until `max_records` or `max_bytes` are
        reached, each with at most `max_each` records (None: no limit of its own); it may stop
        earlier, but at least one record comes if there is any, however large.
        A slice begins exactly at the position asked for. Partitions without records are left out.
        With nothing to return it waits for up to `wait_s` seconds and then returns an empty dict.
        Raises `PositionOutOfRange` (a position is never reset silently; the position that equals
        the end is in range), `LogChanged` if the log is no longer the one that this reader read
        first, `Damaged`, or `Unavailable`. After any error the same call may be made again.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection. Never raises."""
        ...


class EventLog(Protocol):
    """The event log. Same topics, partitions, positions and errors whatever stands behind it."""

    async def topics(self) -> Sequence[TopicSpec]:
        """Return all topics. Raises `Unavailable`."""
        ...

    async def open_writer(self, source: str, epoch: int) -> Writer:
        """Open the writer of a source; from now on writers of lower epochs are fenced where possible.

        A log that cannot fence says so by `fences`; there a late writer may duplicate, never lose.
        Raises `Fenced` if this epoch or a later one was opened already, or `Unavailable`.
        """
        ...

    def reader(self) -> Reader:
        """Return a reader. It connects when first used."""
        ...

    async def start_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the first position that is still there, for each partition. Raises `Unavailable`."""
        ...

    async def end_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the position that the next record will get, for each. Raises `Unavailable`."""
        ...

    @property
    def fences(self) -> bool:
        """Say whether `open_writer` stops writers of lower epochs."""
        ...

    async def close(self) -> None:
        """Close what the log itself holds open. Never raises."""
        ...


def too_large(records: Sequence[Outgoing]) -> bool:
    """Say whether any record exceeds the limit that all logs share."""
    return any(len(record.value) > MAX_RECORD_BYTES for record in records)
