"""A log that is not what was read before, and what its reader makes of it: a halt, an end, no effect."""

import asyncpg

from onefunnel.testing.waiting import until

from .figures import note
from .stage import Stage

# The fullest partition of those that were folded to some point.
FULLEST = """
    SELECT topic, partition, next_position FROM stream_partition
    ORDER BY next_position DESC, topic, partition LIMIT 1"""


async def told_and_folded(stage: Stage) -> None:
    """Tell everything, fold it and check it."""
    workers = [stage.start(role) for role in ("relay", "fold")]
    for producer in [stage.start(role) for role in ("first", "second")]:
        assert not await stage.ended(producer)
    await stage.settled()
    await stage.stop(*workers)
    await stage.check()


async def halted_without_effect(stage: Stage, metrics: asyncpg.Connection, *, expected: int) -> str:
    """Fold what the log is now; return why partitions are halted. Nothing else may have changed."""
    before = await metrics.fetchval("SELECT count(*) FROM journal")
    positions = await metrics.fetchval("SELECT sum(next_position) FROM stream_partition")
    fold = stage.start("fold")
    query = "SELECT count(*) = $1 FROM stream_partition WHERE status = 'halted'"
    await until(lambda: metrics.fetchval(query, expected))
    await stage.stop(fold)
    assert await metrics.fetchval("SELECT count(*) FROM journal") == before
    assert await metrics.fetchval("SELECT sum(next_position) FROM stream_partition") == positions
    note(episodes=1)
    return str(await metrics.fetchval("SELECT max(halt_reason) FROM stream_partition"))


async def refused_without_effect(stage: Stage, metrics: asyncpg.Connection) -> None:
    """Start a fold on what the log is now: it ends by itself, and says that it failed. Nothing is claimed."""
    columns = "SELECT count(*), sum(next_position), sum(epoch) FROM stream_partition"
    before = await metrics.fetchrow(columns)
    fold = stage.start("fold")
    await until(lambda: not fold.is_alive(), limit_s=60)
    assert fold.exitcode == 1
    assert await metrics.fetchrow(columns) == before
    note(episodes=1)
