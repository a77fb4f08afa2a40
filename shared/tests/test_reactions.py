"""The reactions frame on real PostgreSQL: every event has its effect once, whatever goes wrong."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

from onefunnel.errors import DomainError
from onefunnel.log import ownership, turn
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import discard, redrive, show_dead
from onefunnel.log.port import Partition
from onefunnel.outbox.writer import StaleVersion
from onefunnel.testing.small_reactions import (
    caught_up,
    dead,
    effects,
    halted,
    ids_of,
    reacting,
    values_of,
)
from onefunnel.testing.small_service import (
    ACCEPTED,
    GROUP,
    HANDLERS,
    TENANT,
    TOPIC,
    note_effect,
    publish,
)
from onefunnel.testing.waiting import until

pytestmark = pytest.mark.usefixtures("quick")
P0 = Partition(TOPIC, 0)


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
        passed = "SELECT sum(next_position) = $1 FROM stream_partition"  # the log may be away still
        await until(lambda: owner.fetchval(passed, len(values)))
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
