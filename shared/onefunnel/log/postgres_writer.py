"""Appending to the PostgreSQL log: one statement, which is one transaction, per call."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from onefunnel.log.batch import Packed, pack
from onefunnel.log.port import (
    MAX_APPEND_RECORDS,
    Fenced,
    Outgoing,
    TooLarge,
    Unavailable,
    too_large,
)
from onefunnel.log.postgres_session import Session

RAISE_FENCE: Final = """
INSERT INTO fence AS f (source, epoch) VALUES ($1, $2)
ON CONFLICT (source) DO UPDATE SET epoch = excluded.epoch WHERE f.epoch < excluded.epoch
RETURNING epoch"""

# The share lock on the fence makes raising it wait for appends in flight, and the other way round:
# an append commits before the fence is raised, or finds it raised. Heads are locked in order, so
# that writers of different sources cannot block each other in a circle.
_APPEND: Final = """
WITH fenced AS MATERIALIZED (
    SELECT 1 FROM fence WHERE source = $1 AND epoch = $2 FOR SHARE
), batch AS MATERIALIZED (
    SELECT * FROM unnest($3::int[], $4::smallint[], $5::smallint[], $6::int[], $7::bigint[], $8::bytea[])
        AS b (topic_id, partition, n, size, crc, data)
), locked AS MATERIALIZED (
    SELECT h.topic_id, h.partition, h.next_position AS base FROM head h, fenced
    WHERE (h.topic_id, h.partition) IN (SELECT topic_id, partition FROM batch)
    ORDER BY h.topic_id, h.partition FOR UPDATE OF h
), moved AS (
    UPDATE head h SET next_position = l.base + b.n
    FROM locked l JOIN batch b USING (topic_id, partition)
    WHERE (h.topic_id, h.partition) = (l.topic_id, l.partition)
)
INSERT INTO record_batch (topic_id, partition, n, base, size, crc, data)
SELECT topic_id, partition, n, base, size, crc, data FROM batch JOIN locked USING (topic_id, partition)
RETURNING topic_id, partition, base"""

Group = tuple[int, int]


class PostgresWriter:
    """The writer of one source under one epoch."""

    def __init__(
        self,
        session: Session,
        topic_ids: Mapping[str, int],
        source: str,
        epoch: int,
        *,
        appended: Callable[[], None],
    ) -> None:
        self._session: Session | None = session
        self._topic_ids = topic_ids
        self._source = source
        self._epoch = epoch
        self._appended = appended

    async def append(self, records: Sequence[Outgoing]) -> Sequence[int]:
        """Append all records and return their positions."""
        if self._session is None:
            raise Unavailable("the writer is closed")
        assert len(records) <= MAX_APPEND_RECORDS, "the caller cuts its batches"
        if too_large(records):
            raise TooLarge
        if not records:
            return []
        groups = self._grouped(records)
        packed = {group: pack([r.value for _, r in groups[group]]) for group in sorted(groups)}
        bases = await self._insert(self._session, packed)
        self._appended()
        return _positions(groups, bases, len(records))

    async def close(self) -> None:
        """Let go of the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _grouped(
        self, records: Sequence[Outgoing]
    ) -> Mapping[Group, Sequence[tuple[int, Outgoing]]]:
        groups: dict[Group, list[tuple[int, Outgoing]]] = defaultdict(list)
        for at, record in enumerate(records):
            groups[self._topic_ids[record.topic], record.partition].append((at, record))
        return groups

    async def _insert(self, session: Session, packed: Mapping[Group, Packed]) -> dict[Group, int]:
        rows = await session.fetch(
            _APPEND,
            self._source,
            self._epoch,
            [topic_id for topic_id, _ in packed],
            [partition for _, partition in packed],
            [batch.n for batch in packed.values()],
            [batch.size for batch in packed.values()],
            [batch.crc for batch in packed.values()],
            [batch.data for batch in packed.values()],
        )
        if not rows:
            raise Fenced(f"{self._source} was opened with an epoch later than {self._epoch}")
        assert len(rows) == len(packed), "a record names a partition that its topic does not have"
        return {(row["topic_id"], row["partition"]): row["base"] for row in rows}


def _positions(
    groups: Mapping[Group, Sequence[tuple[int, Outgoing]]], bases: Mapping[Group, int], n: int
) -> list[int]:
    positions = [0] * n
    for group, members in groups.items():
        for position, (at, _) in enumerate(members, start=bases[group]):
            positions[at] = position
    return positions
