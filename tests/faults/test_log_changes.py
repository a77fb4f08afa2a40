"""A log that is not what was read before: made anew, shortened, replaced by an older backup. It is not folded."""

import asyncpg
import pytest

from onefunnel.events.topics import TOPICS
from onefunnel.testing.waiting import until

from .changed import FULLEST, halted_without_effect, refused_without_effect, told_and_folded
from .figures import note
from .stage import Stage


async def _lose_the_last(log: asyncpg.Connection, topic: str, partition: int, records: int) -> None:
    """Put a partition back to how an older backup has it."""
    await log.execute(
        "WITH t AS (SELECT id FROM topic WHERE name = $1), moved AS (UPDATE head SET next_position ="
        " next_position - $3 WHERE topic_id = (SELECT id FROM t) AND partition = $2"
        " RETURNING next_position) DELETE FROM record_batch WHERE topic_id = (SELECT id FROM t)"
        " AND partition = $2 AND base + n > (SELECT next_position FROM moved)",
        topic, partition, records,
    )  # fmt: skip


async def _refill(
    log: asyncpg.Connection, topic: str, partition: int, source: tuple[str, int]
) -> None:
    """Fill a partition up to where it was, with records of another one."""
    await log.execute(
        "INSERT INTO record_batch (topic_id, partition, n, base, size, crc, data)"
        " SELECT t.id, $2, r.n, h.next_position, r.size, r.crc, r.data"
        " FROM record_batch r JOIN topic s ON s.id = r.topic_id, topic t"
        " JOIN head h ON h.topic_id = t.id AND h.partition = $2"
        " WHERE t.name = $1 AND s.name = $3 AND r.partition = $4 AND r.n = 1 LIMIT 1",
        topic, partition, *source,
    )  # fmt: skip
    await log.execute(
        "UPDATE head h SET next_position = r.base + r.n FROM record_batch r JOIN topic t ON t.id ="
        " r.topic_id WHERE t.name = $1 AND h.topic_id = r.topic_id AND h.partition = $2"
        " AND r.partition = $2 AND r.base = h.next_position",
        topic, partition,
    )  # fmt: skip


@pytest.fixture
async def folded(new_stage):
    """A world of which everything is folded, and what looks at its databases."""
    stage = await new_stage(seed=11, events=80)
    await told_and_folded(stage)
    metrics = await asyncpg.connect(stage.world.metrics.owner_url)
    log = await asyncpg.connect(stage.world.log.owner_url)
    yield stage, metrics, log
    await metrics.close()
    await log.close()


async def test_a_log_made_anew_is_not_folded(folded) -> None:
    stage, metrics, log = folded
    await log.execute("UPDATE meta SET log_id = gen_random_uuid()")
    await halted_without_effect(stage, metrics, expected=sum(topic.partitions for topic in TOPICS))


async def test_a_log_that_is_shorter_than_what_was_read_is_not_folded(folded) -> None:
    stage, metrics, log = folded
    topic, partition, _ = await metrics.fetchrow(FULLEST)
    await _lose_the_last(log, topic, partition, 1)
    await halted_without_effect(stage, metrics, expected=1)


async def test_a_log_restored_from_an_older_backup_and_filled_again_is_not_folded(folded) -> None:
    """It is as long as it was: only the record before our position tells."""
    stage, metrics, log = folded
    topic, partition, _ = await metrics.fetchrow(FULLEST)
    other = await metrics.fetchrow(
        "SELECT topic, partition FROM stream_partition WHERE next_position > 0"
        " AND (topic, partition) <> ($1, $2) ORDER BY next_position DESC, 1, 2 LIMIT 1",
        topic, partition,
    )  # fmt: skip
    await _lose_the_last(log, topic, partition, 1)
    await _refill(log, topic, partition, tuple(other))
    reason = await halted_without_effect(stage, metrics, expected=1)
    assert "the last record read was" in reason


async def test_records_that_retention_took_before_they_were_read_are_not_passed_over(
    folded,
) -> None:
    stage, metrics, log = folded
    topic, partition, _ = await metrics.fetchrow(FULLEST)
    await metrics.execute(
        "UPDATE stream_partition SET next_position = next_position - 2, last_event_id = NULL"
        " WHERE (topic, partition) = ($1, $2)",
        topic, partition,
    )  # fmt: skip
    await log.execute(
        "UPDATE head SET log_start = next_position WHERE partition = $2"
        " AND topic_id = (SELECT id FROM topic WHERE name = $1)",
        topic, partition,
    )  # fmt: skip
    await log.execute(
        "DELETE FROM record_batch WHERE partition = $2"
        " AND topic_id = (SELECT id FROM topic WHERE name = $1)",
        topic, partition,
    )  # fmt: skip
    await halted_without_effect(stage, metrics, expected=1)


async def test_another_number_of_partitions_ends_the_fold(folded) -> None:
    stage, metrics, log = folded
    await log.execute("UPDATE topic SET partitions = 13 WHERE name = 'onefunnel.deal.v1'")
    await refused_without_effect(stage, metrics)


async def test_a_producer_restored_from_an_older_backup_is_not_paid_twice(folded) -> None:
    """It gives numbers out again: what bears them now is put aside, and what was counted stays."""
    stage, metrics, _log = folded
    before = await metrics.fetchval("SELECT count(*) FROM journal")
    service = await asyncpg.connect(stage.world.service.owner_url)
    await service.execute(  # the same numbers with other events: ids of events that nobody knows
        "INSERT INTO outbox (tenant_id, event_id, key, topic, partition, record) VALUES"
        " ($1, gen_random_uuid(), $2, $3, $4, $5)",
        *stage.another_under_the_number_of(stage.told[-1 - _last_deal(stage)]),
    )
    await service.close()
    workers = [stage.start(role) for role in ("relay", "fold")]
    query = "SELECT count(*) = 1 FROM dead_event WHERE reason LIKE '%sequence-conflict%'"
    await until(lambda: metrics.fetchval(query))
    await stage.stop(*workers)
    assert await metrics.fetchval("SELECT count(*) FROM journal") == before
    note(episodes=1)


def _last_deal(stage: Stage) -> int:
    topics = [told.record.topic for told in reversed(stage.told)]
    return topics.index("onefunnel.deal.v1")
