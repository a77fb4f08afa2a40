# ruff: noqa: D102 - the name of a test is its sentence
"""The contract of `onefunnel.log.port`: every adapter passes it unchanged.

An adapter's test module derives `class TestMyLog(LogContract)` and provides two fixtures: `log` and
`other_log`, two clients of one empty log (as two processes have them) with the topics of `TOPICS`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final
from uuid import UUID

import pytest

from onefunnel.events.envelope import MAX_RECORD_BYTES
from onefunnel.events.topics import Topic
from onefunnel.log.port import (
    EventLog,
    Fenced,
    Outgoing,
    Partition,
    PositionOutOfRange,
    Slice,
    TooLarge,
    Unavailable,
)

A: Final = "contract.a.v1"
B: Final = "contract.b.v1"
TOPICS: Final = (Topic(A, partitions=3), Topic(B, partitions=1, retention_days=1))
A0, A1, A2, B0 = Partition(A, 0), Partition(A, 1), Partition(A, 2), Partition(B, 0)
KEY: Final = UUID(int=7)
PLENTY: Final = 1_000_000


def refused(log: EventLog) -> AbstractContextManager[object]:
    """Expect that a writer is stopped for its epoch; a log that cannot fence lets it and loses nothing."""
    return pytest.raises(Fenced) if log.fences else nullcontext()


def records(partition: Partition, *values: str | bytes) -> list[Outgoing]:
    """Return records of one partition."""
    raw = [v.encode() if isinstance(v, str) else v for v in values]
    return [Outgoing(partition.topic, partition.number, KEY, value) for value in raw]


async def read(
    log: EventLog,
    wanted: dict[Partition, int],
    *,
    max_records: int = PLENTY,
    max_bytes: int = PLENTY,
    max_each: int | None = None,
    wait_s: float = 5.0,
) -> dict[Partition, Slice]:
    """Fetch once with a reader of its own."""
    reader = log.reader()
    try:
        return await reader.fetch(
            wanted,
            max_records=max_records,
            max_bytes=max_bytes,
            max_each=max_each,
            wait_s=wait_s,
        )
    finally:
        await reader.close()


async def append(log: EventLog, outgoing: Sequence[Outgoing], *, epoch: int = 1) -> Sequence[int]:
    """Append once with a writer of its own."""
    writer = await log.open_writer("/services/test", epoch)
    try:
        return await writer.append(outgoing)
    finally:
        await writer.close()


class LogContract:
    """What holds for every event log."""

    async def test_the_topics_are_as_configured_and_share_one_log_id(self, log: EventLog) -> None:
        specs = {spec.name: spec for spec in await log.topics()}
        assert {(s.name, s.partitions) for s in specs.values()} >= {(A, 3), (B, 1)}
        assert specs[A].log_id == specs[B].log_id

    async def test_a_new_partition_starts_and_ends_at_zero(self, log: EventLog) -> None:
        assert await log.start_positions([A0, B0]) == {A0: 0, B0: 0}
        assert await log.end_positions([A0, B0]) == {A0: 0, B0: 0}

    async def test_append_returns_the_positions_in_the_order_given(self, log: EventLog) -> None:
        mixed = [*records(A0, "a"), *records(A1, "b"), *records(A0, "c"), *records(B0, "d")]
        assert list(await append(log, mixed)) == [0, 0, 1, 0]
        assert list(await append(log, mixed, epoch=2)) == [2, 1, 3, 1]
        assert await log.end_positions([A0, A1, A2, B0]) == {A0: 4, A1: 2, A2: 0, B0: 2}

    async def test_appending_nothing_does_nothing(self, log: EventLog) -> None:
        assert list(await append(log, [])) == []

    async def test_records_come_back_byte_for_byte_and_in_order(
        self, log: EventLog, other_log: EventLog
    ) -> None:
        values = [b"", b"\x00\xff", "é".encode(), b"x" * MAX_RECORD_BYTES, b"{}"]
        await append(log, records(A0, *values))
        found = (await read(other_log, {A0: 0}))[A0]
        assert list(found.values) == values
        assert list(found.positions) == [0, 1, 2, 3, 4]
        assert found.next_position == 5

    async def test_order_within_a_partition_is_that_of_the_appends(self, log: EventLog) -> None:
        writer = await log.open_writer("/services/test", 1)
        for n in range(40):
            await writer.append([*records(A0, f"{n}a", f"{n}b"), *records(A1, f"{n}")])
        await writer.close()
        found = await read(log, {A1: 0, A0: 0})
        assert list(found[A0].values) == [f"{n}{x}".encode() for n in range(40) for x in "ab"]
        assert list(found[A1].values) == [str(n).encode() for n in range(40)]

    @pytest.mark.parametrize("start", range(8))
    async def test_a_slice_begins_exactly_at_the_position_asked_for(
        self, log: EventLog, start: int
    ) -> None:
        await append(log, records(A0, "0", "1", "2"))
        await append(log, records(A0, "3", "4", "5", "6", "7"), epoch=2)
        found = (await read(log, {A0: start}))[A0]
        assert list(found.positions) == list(range(start, 8))
        assert list(found.values) == [str(n).encode() for n in range(start, 8)]

    async def test_max_records_is_kept_and_what_was_left_comes_next(self, log: EventLog) -> None:
        await append(log, [*records(A0, *map(str, range(10))), *records(A1, "x", "y")])
        first = await read(log, {A0: 0, A1: 0}, max_records=7)
        assert {p: len(s.values) for p, s in first.items()} == {A0: 7}
        second = await read(log, {A0: 7, A1: 0}, max_records=4)
        assert {p: list(s.values) for p, s in second.items()} == {
            A0: [b"7", b"8", b"9"],
            A1: [b"x"],
        }

    async def test_no_partition_gives_more_than_its_share(self, log: EventLog) -> None:
        await append(log, [*records(A0, *map(str, range(10))), *records(A1, "x", "y")])
        await append(log, records(A0, "10", "11"), epoch=2)
        first = await read(log, {A0: 0, A1: 0}, max_each=4)
        assert {p: len(s.values) for p, s in first.items()} == {A0: 4, A1: 2}
        second = await read(log, {A0: 4}, max_each=7)
        assert list(second[A0].values) == [str(n).encode() for n in range(4, 11)]

    async def test_partitions_are_served_in_the_order_asked_for(self, log: EventLog) -> None:
        await append(log, [*records(A0, "a"), *records(A1, "b"), *records(B0, "c")])
        assert set(await read(log, {B0: 0, A1: 0, A0: 0}, max_records=2)) == {B0, A1}

    async def test_max_bytes_stops_soon_but_never_before_the_first_record(
        self, log: EventLog
    ) -> None:
        writer = await log.open_writer("/services/test", 1)
        for _ in range(20):
            await writer.append(records(A0, b"x" * 10_000))
        await writer.close()
        assert 3 <= len((await read(log, {A0: 0}, max_bytes=30_000))[A0].values) <= 6
        assert len((await read(log, {A0: 0}, max_bytes=1))[A0].values) >= 1

    async def test_at_the_end_there_is_nothing_and_no_error(self, log: EventLog) -> None:
        await append(log, records(A0, "a"))
        assert await read(log, {A0: 1, A1: 0}, wait_s=0) == {}

    async def test_whoever_wants_nothing_gets_nothing_and_is_not_kept(self, log: EventLog) -> None:
        await append(log, records(A0, *"abc"))
        reader = log.reader()
        for wanted in ({}, {A0: 0}, {}):  # also while there is more to give
            async with asyncio.timeout(8):
                found = await reader.fetch(wanted, max_records=1, max_bytes=PLENTY, wait_s=0.5)
            assert found.keys() == wanted.keys()
        await reader.close()

    async def test_a_waiting_reader_gets_what_another_client_appends(
        self, log: EventLog, other_log: EventLog
    ) -> None:
        reader = log.reader()
        await append(other_log, records(A0, "a"))
        limits = {"max_records": PLENTY, "max_bytes": PLENTY}
        assert (await reader.fetch({A0: 0}, wait_s=20, **limits))[A0].values[0] == b"a"
        await append(other_log, records(A1, "b"), epoch=2)
        assert (await reader.fetch({A0: 1, A1: 0}, wait_s=20, **limits))[A1].values[0] == b"b"
        await reader.close()

    @pytest.mark.parametrize("position", [2, 1000])
    async def test_a_position_beyond_the_end_is_an_error_and_stays_one(
        self, log: EventLog, position: int
    ) -> None:
        await append(log, records(A0, "a"))
        reader = log.reader()
        for _ in range(2):
            with pytest.raises(PositionOutOfRange) as caught:
                await reader.fetch({A0: position}, max_records=PLENTY, max_bytes=PLENTY, wait_s=0)
            assert (caught.value.partition, caught.value.position) == (A0, position)
        await reader.close()

    async def test_a_later_epoch_stops_the_writer_of_an_earlier_one(
        self, log: EventLog, other_log: EventLog
    ) -> None:
        zombie = await log.open_writer("/services/test", 1)
        await zombie.append(records(A0, "before"))
        heir = await other_log.open_writer("/services/test", 2)
        with refused(log):
            await zombie.append(records(A0, "late"))
        await heir.append(records(A0, "after"))
        late = [] if log.fences else [b"late"]
        assert list((await read(log, {A0: 0}))[A0].values) == [b"before", *late, b"after"]
        await zombie.close()
        await heir.close()

    @pytest.mark.parametrize("epoch", [1, 2])
    async def test_an_epoch_that_is_not_later_cannot_open_a_writer(
        self, log: EventLog, other_log: EventLog, epoch: int
    ) -> None:
        await append(log, records(A0, "a"), epoch=2)
        with refused(log):
            await append(other_log, records(A0, "late"), epoch=epoch)
        late = [] if log.fences else [b"late"]
        assert list((await read(log, {A0: 0}))[A0].values) == [b"a", *late]

    async def test_sources_do_not_fence_each_other(self, log: EventLog) -> None:
        mine = await log.open_writer("/services/mine", 1)
        theirs = await log.open_writer("/services/theirs", 9)
        await mine.append(records(A0, "mine"))
        await theirs.append(records(A0, "theirs"))
        assert (await log.end_positions([A0]))[A0] == 2
        await mine.close()
        await theirs.close()

    async def test_a_record_that_is_too_large_appends_nothing_and_breaks_nothing(
        self, log: EventLog
    ) -> None:
        writer = await log.open_writer("/services/test", 1)
        with pytest.raises(TooLarge):
            await writer.append(records(A0, "fine", b"x" * (MAX_RECORD_BYTES + 1)))
        assert list(await writer.append(records(A0, "next"))) == [0]
        await writer.close()

    async def test_a_closed_writer_is_unavailable(self, log: EventLog) -> None:
        writer = await log.open_writer("/services/test", 1)
        await writer.close()
        await writer.close()
        with pytest.raises(Unavailable):
            await writer.append(records(A0, "a"))
