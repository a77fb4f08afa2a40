"""Who owns a partition, and what stops those who only believe they do."""

import asyncio
from pathlib import Path

import pytest

from onefunnel.log.arrivals import arrivals
from onefunnel.log.ownership import (
    Advance,
    ClaimLost,
    advance,
    ensure_partitions,
    lock,
    take_share,
)
from onefunnel.log.port import Partition, PartitionsChanged, Slice, TopicSpec
from onefunnel.log.turn import take_turn
from onefunnel.testing.faults import start_child, was_killed
from onefunnel.testing.small_reactions import (
    caught_up,
    effects,
    ids_of,
    reacting,
    values_of,
)
from onefunnel.testing.small_service import (
    GROUP,
    HANDLERS,
    TOPIC,
    publish,
)

CHILDREN = Path(__file__).parent / "children"
pytestmark = pytest.mark.usefixtures("quick")
P0 = Partition(TOPIC, 0)


@pytest.mark.parametrize("point", ["reaction.before_commit", "reaction.after_commit"])
async def test_reactions_that_die_neither_lose_nor_repeat_an_effect(
    service, eventlog, log, owner, point
):
    values, stored = [], {}
    for epoch in range(1, 4):
        values += (more := values_of(250))
        stored[epoch] = [*more, *more[-5:]]
        await publish(log, stored[epoch], epoch=epoch, number=epoch)
        child = start_child(
            CHILDREN / "reactions.py", service.worker_url, eventlog.worker_url, fault=f"{point}:2"
        )
        assert await asyncio.to_thread(was_killed, child)
        child.communicate()
        # Positions and effects died together: what was passed over has its effect, nothing else has.
        query = "SELECT partition, next_position FROM stream_partition"
        passed = {row["partition"]: row["next_position"] for row in await owner.fetch(query)}
        done = [value for number, batch in stored.items() for value in batch[: passed[number]]]
        assert await effects(owner) == ids_of(done)
        await expire(owner)
    heir = start_child(CHILDREN / "reactions.py", service.worker_url, eventlog.worker_url)
    await caught_up(owner, log)
    heir.communicate("")
    assert await effects(owner) == ids_of(values)


async def expire(owner, name: str = "%") -> None:
    """Let the leases of a dead member run out, and those of its partitions."""
    for table, column in (("stream_partition", "owner"), ("stream_member", "name")):
        await owner.execute(
            f"UPDATE {table} SET lease_until = now() - interval '1 second' WHERE {column} LIKE $1",
            name,
        )


@pytest.fixture
async def topics(log):
    return [topic for topic in await log.topics() if topic.name == TOPIC]


async def test_of_two_that_believe_they_own_a_partition_one_has_an_effect(worker, owner, topics):
    """With the inbox emptied, so that only the fence is left to stop the second."""
    await ensure_partitions(owner, GROUP, topics)
    values = values_of(3)
    mine = await take_share(owner, GROUP, "mine", {})
    await expire(owner)
    theirs = await take_share(owner, GROUP, "theirs", {})
    assert theirs[P0].epoch == mine[P0].epoch + 1
    taken = {P0: list(arrivals(P0, Slice(range(3), values), HANDLERS))}
    with pytest.raises(ClaimLost):
        await take_turn(worker, GROUP, HANDLERS, mine, taken, careful=False)
    assert await effects(owner) == []
    await take_turn(worker, GROUP, HANDLERS, theirs, taken, careful=False)
    await owner.execute("TRUNCATE inbox")
    for claims in (mine, theirs):  # the fenced one, and a turn that was taken before
        with pytest.raises(ClaimLost):
            await take_turn(worker, GROUP, HANDLERS, claims, taken, careful=False)
    assert await effects(owner) == ids_of(values)


async def test_a_claim_that_was_overtaken_neither_locks_nor_moves_its_partition(owner, topics):
    """Two walls, each alone: one at the beginning of a turn, one at its end."""
    await ensure_partitions(owner, GROUP, topics)
    stale = await take_share(owner, GROUP, "mine", {})
    await take_share(owner, GROUP, "mine", {})
    for wall in (
        lambda: lock(owner, GROUP, [stale[P0]]),
        lambda: advance(owner, GROUP, [Advance(stale[P0], 1, None)]),
    ):
        with pytest.raises(ClaimLost):
            async with owner.transaction():
                await wall()
    assert await owner.fetchval("SELECT max(next_position) FROM stream_partition") == 0


async def test_four_may_start_at_once_on_an_empty_database(worker, log, owner):
    values = values_of(20)
    async with (
        reacting(worker, log),
        reacting(worker, log),
        reacting(worker, log),
        reacting(worker, log),
    ):
        await publish(log, values, epoch=1)
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)


async def test_another_number_of_partitions_than_before_is_refused(owner, topics):
    await ensure_partitions(owner, GROUP, topics)
    more = TopicSpec(TOPIC, 13, None, topics[0].log_id)
    fewer = TopicSpec(TOPIC, 11, None, topics[0].log_id)
    for changed in (more, fewer):
        with pytest.raises(PartitionsChanged, match=f"has {changed.partitions} .*knows 12"):
            async with owner.transaction():
                await ensure_partitions(owner, GROUP, [changed])
