"""The reactions frame on real PostgreSQL: every event has its effect once, whatever goes wrong."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from sqlalchemy import text

from onefunnel.errors import DomainError
from onefunnel.ids import new_id
from onefunnel.log import consumer, ownership, turn
from onefunnel.log.arrivals import arrivals
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import discard, list_dead, redrive, show_dead
from onefunnel.log.ownership import ClaimLost, claim_free, ensure_partitions
from onefunnel.log.port import Partition, PartitionsChanged, Slice, TopicSpec
from onefunnel.log.turn import take_turn
from onefunnel.outbox.writer import StaleVersion
from onefunnel.testing.faults import start_child, was_killed
from onefunnel.testing.small_service import (
    ACCEPTED,
    GROUP,
    HANDLERS,
    TENANT,
    TOPIC,
    accepted,
    note_effect,
    publish,
)
from onefunnel.testing.waiting import until

CHILDREN = Path(__file__).parent / "children"
P0 = Partition(TOPIC, 0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Look after leases, ends and redrives at every turn."""
    monkeypatch.setattr(ownership, "RENEW_S", 0.0)
    monkeypatch.setattr(consumer, "FETCH_WAIT_S", 0.05)


@asynccontextmanager
async def reacting(worker, log, handlers=HANDLERS):
    """Run reactions while the block runs, then stop them in order."""
    stop = asyncio.Event()
    task = asyncio.create_task(Reactions(worker, log, GROUP, handlers).run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


def values_of(n: int, *, after: int = 0, lead: UUID | None = None) -> list[bytes]:
    return [record.value for record in accepted(lead or new_id(), after, n)]


async def caught_up(owner, log) -> None:
    places = [Partition(TOPIC, number) for number in range(12)]
    ends = sum((await log.end_positions(places)).values())
    await until(
        lambda: owner.fetchval("SELECT sum(next_position) = $1 FROM stream_partition", ends)
    )


async def effects(owner) -> list[UUID]:
    return [row["event_id"] for row in await owner.fetch("SELECT event_id FROM effect ORDER BY 1")]


def ids_of(values) -> list[UUID]:
    return sorted({UUID(orjson.loads(value)["id"]) for value in values})


async def dead(owner, *statuses):
    return await list_dead(owner, GROUP, statuses=statuses or ("dead",))


async def test_every_event_has_its_effect_once_and_in_order(worker, log, owner):
    values = values_of(250)
    async with reacting(worker, log):
        await publish(log, values, epoch=1)
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    sequence = await owner.fetchval("SELECT array_agg(sequence ORDER BY ctid) FROM effect")
    assert sequence == list(range(1, 251))


async def test_duplicates_in_one_turn_and_far_apart_change_nothing(worker, log, owner):
    values = values_of(5)
    await publish(log, [v for v in values for _ in range(3)], epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
        await publish(log, values, epoch=2, number=3)
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    assert await dead(owner) == []


async def test_another_record_with_the_id_of_an_applied_one_is_never_applied(worker, log, owner):
    (value,) = values_of(1)
    forged = value.replace(b'"correlation"', b'"something else"')
    for epoch, batch in enumerate([[value, forged], [forged]], start=1):
        await publish(log, batch, epoch=epoch)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of([value])
    assert [letter.record for letter in await dead(owner)] == [forged, forged]


async def refuse_odd(conn, envelope, event) -> None:
    await note_effect(conn, envelope, event)
    if int(envelope.sequence) % 2:
        raise ValueError("odd")


async def test_a_poison_event_is_put_aside_with_its_bytes_and_the_rest_flows(worker, log, owner):
    values = values_of(7)
    async with reacting(worker, log, {ACCEPTED: refuse_odd}):
        await publish(log, values, epoch=1)
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values[1::2])
    letters = await dead(owner)
    assert [letter.record for letter in letters] == values[::2]
    assert {(x.reason, x.type, x.tenant_id) for x in letters} == {
        ("ValueError: odd", ACCEPTED, TENANT)
    }
    assert [letter.position for letter in letters] == [0, 2, 4, 6]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"id":"x"}',
        values_of(1)[0].replace(b'"lead_id"', b'"lead_no"'),
        values_of(1)[0].replace(b"2026-03-01T00:00:00Z", b"yesterday"),
    ],
)
async def test_bytes_that_are_no_event_are_put_aside_and_the_rest_flows(worker, log, owner, bad):
    good = values_of(2)
    await publish(log, [good[0], bad, good[1]], epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(good)
    assert [letter.record for letter in await dead(owner)] == [bad]


async def test_types_nobody_reacts_to_are_passed_over(worker, log, owner):
    value = values_of(1)[0].replace(b"lead.accepted.v1", b"lead.invented.v1")
    await publish(log, [value], epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == []
    assert await dead(owner) == []


async def test_a_handler_that_poisons_the_transaction_silently_is_found_out(worker, log, owner):
    async def swallow(conn, envelope, event) -> None:
        await note_effect(conn, envelope, event)
        if envelope.sequence == "2":
            try:
                await conn.execute(text("SELECT 1/0"))
            except Exception:  # noqa: BLE001
                return

    values = values_of(3)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: swallow}):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of([values[0], values[2]])
    assert [letter.record for letter in await dead(owner)] == [values[1]]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("40001"),
        asyncpg.DeadlockDetectedError("40P01"),
        asyncpg.TooManyConnectionsError("53300"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
async def test_an_error_that_passes_never_makes_a_dead_letter(worker, log, owner, error):
    left = 3

    async def fail(conn, envelope, event) -> None:
        nonlocal left
        await note_effect(conn, envelope, event)
        if left:
            left -= 1
            raise error

    values = values_of(4)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: fail}):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    assert await dead(owner, "dead", "redriven") == []


async def test_a_database_that_goes_away_costs_time_and_no_event(worker, log, owner, log_owner):
    values = []
    async with reacting(worker, log):
        for epoch in range(1, 6):
            values += (more := values_of(60))
            await publish(log, more, epoch=epoch, number=epoch)
            for connection in (owner, log_owner):
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                    " datname = current_database() AND usename = 'onefunnel_worker'"
                )
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    assert await dead(owner) == []


async def test_a_change_that_came_between_load_and_save_is_tried_again(worker, log, owner):
    left = 2

    async def stale(conn, envelope, event) -> None:
        nonlocal left
        await note_effect(conn, envelope, event)
        if left:
            left -= 1
            raise StaleVersion

    values = values_of(3)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: stale}):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    assert await dead(owner) == []


async def test_an_event_that_is_stale_for_ever_is_put_aside(worker, log, owner):
    async def stale(*_) -> None:
        raise StaleVersion

    await publish(log, values_of(1), epoch=1)
    async with reacting(worker, log, {ACCEPTED: stale}):
        await caught_up(owner, log)
    assert len(await dead(owner)) == 1


async def test_a_handler_works_in_the_tenant_of_its_event(worker, log, owner):
    seen = []

    async def look(conn, envelope, event) -> None:
        setting = await conn.execute(text("SELECT current_setting('app.tenant')"))
        seen.append((envelope.tenantid, UUID(setting.scalar_one())))
        if envelope.sequence == "1":
            raise DomainError("x", "so that it happens under savepoints too")

    other = str(uuid4()).encode()
    values = values_of(4)
    mixed = [values[0], *(v.replace(str(TENANT).encode(), other) for v in values[1:3]), values[3]]
    await publish(log, mixed, epoch=1)
    async with reacting(worker, log, {ACCEPTED: look}):
        await caught_up(owner, log)
    assert len({tenant for tenant, _ in seen}) == 2
    assert all(tenant == setting for tenant, setting in seen)


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
        await owner.execute("UPDATE stream_partition SET lease_until = now()")
    heir = start_child(CHILDREN / "reactions.py", service.worker_url, eventlog.worker_url)
    await caught_up(owner, log)
    heir.communicate("")
    assert await effects(owner) == ids_of(values)


@pytest.fixture
async def topics(log):
    return [topic for topic in await log.topics() if topic.name == TOPIC]


async def test_of_two_that_believe_they_own_a_partition_one_has_an_effect(worker, owner, topics):
    """With the inbox emptied, so that only the fence is left to stop the second."""
    await ensure_partitions(owner, GROUP, topics)
    values = values_of(3)
    mine = await claim_free(owner, GROUP, "mine")
    await owner.execute("UPDATE stream_partition SET lease_until = now() - interval '1 hour'")
    theirs = await claim_free(owner, GROUP, "theirs")
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


async def test_a_leased_partition_is_not_claimed_by_another(owner, topics):
    await ensure_partitions(owner, GROUP, topics)
    assert len(await claim_free(owner, GROUP, "mine")) == 12
    assert await claim_free(owner, GROUP, "theirs") == {}
    await ownership.release(owner, GROUP, "mine")
    assert len(await claim_free(owner, GROUP, "theirs")) == 12


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
        with pytest.raises(PartitionsChanged):
            async with owner.transaction():
                await ensure_partitions(owner, GROUP, [changed])


async def test_reactions_that_stop_give_their_partitions_back(worker, log, owner):
    async with reacting(worker, log):
        await until(lambda: owner.fetchval("SELECT count(owner) = 12 FROM stream_partition"))
    assert await owner.fetchval("SELECT count(owner) FROM stream_partition") == 0


async def test_too_many_dead_letters_in_a_row_halt_the_partition_and_a_resume_goes_on(
    worker, log, owner
):
    values = values_of(turn.MAX_DEAD_IN_A_ROW + 5)
    elsewhere = values_of(3)

    async def refuse(conn, envelope, event) -> None:
        if envelope.id in ids_of(values):
            raise ValueError("a bug of ours")
        await note_effect(conn, envelope, event)

    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: refuse}):
        await until(lambda: halted(owner))
        await publish(log, elsewhere, epoch=2, number=1)
        await until(lambda: owner.fetchval("SELECT count(*) = 3 FROM effect"))
    assert len(await dead(owner)) == turn.MAX_DEAD_IN_A_ROW
    async with reacting(worker, log):  # the bug is gone
        await ownership.resume(owner, GROUP, P0)
        await caught_up(owner, log)
        for letter in await dead(owner):
            await redrive(owner, GROUP, letter.id, "operator")
        await until(lambda: owner.fetchval("SELECT count(*) = 28 FROM effect"))
    assert await effects(owner) == sorted(ids_of(values) + ids_of(elsewhere))
    assert await dead(owner, "dead", "redrive") == []


async def halted(owner) -> bool:
    query = "SELECT count(*) = 1 FROM stream_partition WHERE status = 'halted'"
    return await owner.fetchval(query)


async def test_a_redrive_gives_the_state_as_if_it_had_never_failed(worker, log, owner):
    values = values_of(4)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: refuse_odd}):
        await caught_up(owner, log)
        (first, third) = await dead(owner)
        await redrive(owner, GROUP, first.id, "operator")  # the bug is still there
        await until(lambda: attempts(owner, first.id, 2))
    async with reacting(worker, log):
        for _ in range(2):
            await redrive(owner, GROUP, first.id, "operator")
        await until(lambda: owner.fetchval("SELECT count(*) = 3 FROM effect"))
        await discard(owner, GROUP, third.id, "operator")
        await publish(log, values, epoch=2)
        await caught_up(owner, log)
    assert await effects(owner) == sorted(ids_of(values[:2] + values[3:]))
    settled = {x.id: (x.status, x.actor) for x in await dead(owner, "redriven", "discarded")}
    assert settled == {first.id: ("redriven", "operator"), third.id: ("discarded", "operator")}
    for letter in (first, third):
        with pytest.raises(DomainError, match="already"):
            await redrive(owner, GROUP, letter.id, "operator")
    with pytest.raises(DomainError) as caught:
        await show_dead(owner, GROUP, 999)
    assert caught.value.code == "not-found"


async def attempts(owner, dead_id, n) -> bool:
    return (await show_dead(owner, GROUP, dead_id)).attempts == n


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


async def test_what_handlers_committed_wakes_whoever_carries_it_on(worker, log, owner):
    woken = asyncio.Event()
    stop = asyncio.Event()
    frame = Reactions(worker, log, GROUP, HANDLERS, wake=woken.set)
    running = asyncio.create_task(frame.run(stop))
    await publish(log, values_of(1), epoch=1)
    async with asyncio.timeout(20):
        await woken.wait()
    assert len(await effects(owner)) == 1
    stop.set()
    await running


async def test_how_far_the_log_goes_is_written_down_for_readers(worker, log, owner):
    async with reacting(worker, log):
        await publish(log, values_of(5), epoch=1)
        await until(
            lambda: owner.fetchval(
                "SELECT max(end_position) = 5 AND bool_and(seen_at IS NOT NULL)"
                " FROM stream_partition"
            )
        )
