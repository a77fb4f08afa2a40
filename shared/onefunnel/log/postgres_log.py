"""The event log in a PostgreSQL database of its own: the embedded default.

One row per appended batch and partition. Its limits: one machine, one disk, no replication.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import asyncpg

from onefunnel.events.topics import TOPICS, Topic
from onefunnel.log.port import Fenced, Partition, PartitionsChanged, Reader, TopicSpec, Writer
from onefunnel.log.postgres_reader import PostgresReader
from onefunnel.log.postgres_session import Session, unavailable_on_error
from onefunnel.log.postgres_writer import RAISE_FENCE, PostgresWriter
from onefunnel.persistence.database import Database, DriverConnection
from onefunnel.persistence.migrations import upgrade
from onefunnel.wakeups import Wakeups

_TOPICS: Final = """
SELECT t.id, t.name, t.partitions, t.retention_days, m.log_id FROM topic t CROSS JOIN meta m"""

# In the order in which appends lock them. The new starts come from the one snapshot of the statement
# after it: what is appended later stands at or beyond the end that the snapshot saw.
_LOCK_HEADS: Final = """
SELECT 1 FROM head h JOIN topic t ON t.id = h.topic_id WHERE t.retention_days IS NOT NULL
ORDER BY h.topic_id, h.partition FOR UPDATE OF h"""
_EXPIRE: Final = """
WITH kept AS (
    SELECT h.topic_id, h.partition, coalesce(min(r.base), h.next_position) AS start
    FROM head h JOIN topic t ON t.id = h.topic_id LEFT JOIN record_batch r
        ON (r.topic_id, r.partition) = (h.topic_id, h.partition)
        AND r.appended_at >= now() - make_interval(days => t.retention_days)
    WHERE t.retention_days IS NOT NULL GROUP BY h.topic_id, h.partition
), raised AS (
    UPDATE head h SET log_start = k.start FROM kept k
    WHERE (h.topic_id, h.partition) = (k.topic_id, k.partition) AND h.log_start < k.start
    RETURNING h.topic_id, h.partition, h.log_start
), dropped AS (
    DELETE FROM record_batch r USING raised x
    WHERE r.topic_id = x.topic_id AND r.partition = x.partition AND r.base < x.log_start
    RETURNING r.n
)
SELECT coalesce(sum(n), 0)::bigint FROM dropped"""

_HEADS: Final = """
SELECT t.name, h.partition, h.log_start, h.next_position
FROM head h JOIN topic t ON t.id = h.topic_id"""


class PostgresLog:
    """The log under the worker role. Appends of this process wake the readers of this process."""

    fences = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session = Session(database)
        self._ids: Mapping[str, int] | None = None
        self._appended = Wakeups()

    async def topics(self) -> Sequence[TopicSpec]:
        """Return all topics."""
        return [
            TopicSpec(row["name"], row["partitions"], row["retention_days"], row["log_id"])
            for row in await self._session.fetch(_TOPICS)
        ]

    async def open_writer(self, source: str, epoch: int) -> Writer:
        """Raise the source's fence to `epoch` and return the writer behind it."""
        session = Session(self._database)
        if not await session.fetch(RAISE_FENCE, source, epoch):
            await session.close()
            raise Fenced(f"{source} was opened with epoch {epoch} or a later one")
        ids = await self._topic_ids()
        return PostgresWriter(session, ids, source, epoch, appended=self._appended.wake)

    def reader(self) -> Reader:
        """Return a reader with a connection of its own."""
        return PostgresReader(Session(self._database), self._topic_ids, self._appended.listen())

    async def start_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the first position that is still there."""
        return await self._heads(partitions, "log_start")

    async def end_positions(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the position that the next record will get."""
        return await self._heads(partitions, "next_position")

    async def expire(self) -> int:
        """Drop whole batches that are older than their topic's retention; return how many records."""
        async with (
            unavailable_on_error(),
            self._database.driver() as connection,
            connection.transaction(),
        ):
            await connection.execute(_LOCK_HEADS)
            return int(await connection.fetchval(_EXPIRE))

    async def close(self) -> None:
        """Close the log's own connection; writers and readers close theirs."""
        await self._session.close()

    async def _heads(self, partitions: Collection[Partition], field: str) -> dict[Partition, int]:
        rows = await self._session.fetch(_HEADS)
        heads = {Partition(row["name"], row["partition"]): row[field] for row in rows}
        return {partition: heads[partition] for partition in partitions}

    async def _topic_ids(self) -> Mapping[str, int]:
        if self._ids is None:
            self._ids = {row["name"]: row["id"] for row in await self._session.fetch(_TOPICS)}
        return self._ids


async def prepare(owner_url: str) -> None:
    """Migrate the log's database and create the topics of the catalogue that are missing."""
    await upgrade(owner_url, "onefunnel.log")
    await create_topics(owner_url, TOPICS)


async def create_topics(owner_url: str, topics: Sequence[Topic]) -> None:
    """Create the topics that are missing.

    Raises `PartitionsChanged` if a topic is there with another number of partitions: its keys would
    move to other partitions and lose their order.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE topic IN SHARE ROW EXCLUSIVE MODE")
            for topic in topics:
                await _create(connection, topic)
    finally:
        await connection.close()


async def _create(connection: DriverConnection, topic: Topic) -> None:
    found = await connection.fetchval("SELECT partitions FROM topic WHERE name = $1", topic.name)
    if found not in (None, topic.partitions):
        raise PartitionsChanged(f"{topic.name} has {found} partitions, not {topic.partitions}")
    if found is None:
        await connection.execute(
            "WITH made AS (INSERT INTO topic (name, partitions, retention_days) VALUES ($1, $2, $3)"
            " RETURNING id) INSERT INTO head (topic_id, partition)"
            " SELECT id, generate_series(0, $2 - 1) FROM made",
            topic.name, topic.partitions, topic.retention_days,
        )  # fmt: skip
