"""Reading the PostgreSQL log: one statement over all partitions that are wanted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from onefunnel.log.batch import BadChecksum, unpack
from onefunnel.log.port import Damaged, LogChanged, Partition, PositionOutOfRange, Slice
from onefunnel.log.postgres_session import Session
from onefunnel.wakeups import Listener, Pace

_BATCHES_PER_PARTITION: Final = 64

# Partitions that are at their end give no row. A batch is found by the last base at or before the
# position; the running sums stop the answer near the limits before any data is read from disk.
_FETCH: Final = f"""
SELECT ask, log_id, log_start, next_position, base, n, crc, data FROM (
    SELECT w.ask, m.log_id, h.log_start, h.next_position, b.base, b.n, b.crc, b.data, b.size,
        sum(b.base + b.n - greatest(b.base, w.next)) OVER up_to AS records,
        sum(b.size) OVER up_to AS bytes, b.base + b.n - greatest(b.base, w.next) AS fresh
    FROM unnest($1::int[], $2::smallint[], $3::bigint[])
        WITH ORDINALITY AS w (topic_id, partition, next, ask)
    JOIN head h USING (topic_id, partition)
    CROSS JOIN meta m
    LEFT JOIN LATERAL (
        SELECT base, n, size, crc, data FROM record_batch r
        WHERE r.topic_id = w.topic_id AND r.partition = w.partition AND r.base + r.n > w.next
            AND r.base < w.next + $6 AND r.base >= coalesce((
                SELECT max(base) FROM record_batch s
                WHERE s.topic_id = w.topic_id AND s.partition = w.partition AND s.base <= w.next
            ), 0)
        ORDER BY r.base LIMIT {_BATCHES_PER_PARTITION}
    ) b ON true
    WHERE h.next_position <> w.next
    WINDOW up_to AS (ORDER BY w.ask, b.base ROWS UNBOUNDED PRECEDING)
) found
WHERE base IS NULL OR (records - fresh < $4 AND (bytes - size < $5 OR records = fresh))
ORDER BY ask, base"""


class PostgresReader:
    """Reads any partitions from any positions."""

    def __init__(
        self,
        session: Session,
        topic_ids: Callable[[], Awaitable[Mapping[str, int]]],
        listener: Listener,
    ) -> None:
        self._session = session
        self._topic_ids = topic_ids
        self._listener = listener
        self._pace = Pace()
        self._log_id: UUID | None = None

    async def fetch(
        self,
        wanted: Mapping[Partition, int],
        *,
        max_records: int,
        max_bytes: int,
        wait_s: float,
        max_each: int | None = None,
    ) -> dict[Partition, Slice]:
        """Return records from the given next positions onwards, waiting for the first of them."""
        clock = asyncio.get_running_loop().time
        until = clock() + wait_s
        while True:
            found = await self._fetch(wanted, max_records, max_bytes, max_each or max_records)
            if found:
                self._pace.reset()
            left = until - clock()
            if found or left <= 0:
                return found
            # An append of this process wakes us; one of another process is found by looking.
            await self._listener.wait(min(left, self._pace.pause_s()))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._session.close()

    async def _fetch(
        self, wanted: Mapping[Partition, int], max_records: int, max_bytes: int, max_each: int
    ) -> dict[Partition, Slice]:
        topic_ids = await self._topic_ids()
        rows = await self._session.fetch(
            _FETCH,
            [topic_ids[partition.topic] for partition in wanted],
            [partition.number for partition in wanted],
            list(wanted.values()),
            max_records,
            max_bytes,
            max_each,
        )
        self._check_log(rows)
        return _slices(list(wanted.items()), rows, max_records, max_each)

    def _check_log(self, rows: Sequence[asyncpg.Record]) -> None:
        if rows:
            log_id = rows[0]["log_id"]
            if self._log_id not in (None, log_id):
                raise LogChanged(log_id)
            self._log_id = log_id


def _slices(
    wanted: Sequence[tuple[Partition, int]],
    rows: Sequence[asyncpg.Record],
    max_records: int,
    max_each: int,
) -> dict[Partition, Slice]:
    values: dict[Partition, list[bytes]] = {}
    left = max_records
    for row in rows:
        partition, start = wanted[row["ask"] - 1]
        mine = values.setdefault(partition, [])
        room = min(left, max_each - len(mine))
        fresh = _fresh(row, partition, start, start + len(mine))[:room]
        left -= len(fresh)
        mine += fresh
    firsts = dict(wanted)
    return {
        partition: Slice(range(firsts[partition], firsts[partition] + len(got)), got)
        for partition, got in values.items()
        if got
    }


def _fresh(row: asyncpg.Record, partition: Partition, start: int, expected: int) -> list[bytes]:
    """Return the records of a stored batch from the expected position onwards."""
    base = row["base"]
    if base is None or base > start == expected:
        raise PositionOutOfRange(partition, start, row["log_start"], row["next_position"])
    if base > expected:
        raise Damaged(partition, expected)  # a batch between two others is gone
    try:
        values = unpack(row["n"], row["crc"], row["data"])
    except BadChecksum as error:
        raise Damaged(partition, expected) from error
    return values[expected - base :]
