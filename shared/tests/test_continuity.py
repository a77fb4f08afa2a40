"""A log that is not the one that was read is not read on: the partition waits for an operator."""

import pytest

from onefunnel.testing.small_reactions import (
    caught_up,
    effects,
    halted,
    reacting,
    values_of,
)
from onefunnel.testing.small_service import (
    publish,
)
from onefunnel.testing.waiting import until

pytestmark = pytest.mark.usefixtures("quick")


async def test_records_lost_to_retention_halt_the_partition_and_are_not_skipped(
    worker, log, owner, log_owner
):
    await publish(log, values_of(2), epoch=1)
    await publish(log, values_of(2), epoch=2)
    await log_owner.execute("DELETE FROM record_batch WHERE base = 0")
    await log_owner.execute("UPDATE head SET log_start = 2 WHERE next_position = 4")
    async with reacting(worker, log):
        await until(lambda: halted(owner))
    assert await effects(owner) == []
    assert await owner.fetchval("SELECT max(next_position) FROM stream_partition") == 0


async def test_a_log_that_was_made_anew_is_not_read(worker, log, owner, log_owner):
    await publish(log, values_of(2), epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
    await log_owner.execute("UPDATE meta SET log_id = gen_random_uuid()")
    await publish(log, values_of(2), epoch=2)
    async with reacting(worker, log):
        await until(
            lambda: owner.fetchval("SELECT bool_and(status = 'halted') FROM stream_partition")
        )
    assert len(await effects(owner)) == 2


async def test_a_log_restored_from_an_older_backup_is_not_read(worker, log, owner, log_owner):
    await publish(log, values_of(2), epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
    await log_owner.execute("TRUNCATE record_batch")
    await log_owner.execute("UPDATE head SET next_position = 0")
    await publish(log, values_of(3), epoch=2)  # other records at the same positions
    async with reacting(worker, log):
        await until(lambda: halted(owner))
    assert len(await effects(owner)) == 2
    reason = await owner.fetchval("SELECT max(halt_reason) FROM stream_partition")
    assert "the last record read was" in reason
