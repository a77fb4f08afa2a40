"""The reactions frame on real PostgreSQL: every event has its effect once, whatever goes wrong."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

from onefunnel.errors import DomainError
from onefunnel.log import turn
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import show_dead
from onefunnel.log.halts import halted as halted_partitions
from onefunnel.log.halts import resume
from onefunnel.log.port import Partition, PartitionsChanged
from onefunnel.log.redrive import discard, redrive
from onefunnel.outbox.writer import StaleVersion
from onefunnel.testing.auditing import done_by
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
WAITING_FOR_A_LOCK = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"


def refusing(*values: bytes):
    """Return a handler that has its effect and then fails, for certain records."""
    bad = ids_of(values)

    async def refuse(conn, envelope, event) -> None:
        await note_effect(conn, envelope, event)
        if envelope.id in bad:
            raise ValueError("bug")

    return refuse


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


async def test_events_nobody_is_interested_in_are_passed_over_and_leave_nothing(worker, log, owner):
    values = values_of(30)
    wanted, asked = ids_of(values[::3]), []

    async def interest(_conn, tenants):
        asked.append(set(tenants))
        return lambda envelope: envelope.id in wanted

    await publish(log, values, epoch=1)
    async with reacting(worker, log, interest=interest):
        await caught_up(owner, log)
    assert await effects(owner) == wanted
    assert await owner.fetchval("SELECT count(*) FROM inbox") == len(wanted)
    assert asked
    assert all(tenants == {TENANT} for tenants in asked)


async def test_another_number_of_partitions_than_before_ends_who_reads(worker, log, owner):
    values = values_of(3)
    await publish(log, values, epoch=1)
    async with reacting(worker, log):
        await caught_up(owner, log)
    await owner.execute("DELETE FROM stream_partition WHERE partition = 11")
    before = await owner.fetch("SELECT partition, epoch FROM stream_partition ORDER BY 1")

    with pytest.raises(PartitionsChanged, match=f"{TOPIC} has 12 partitions, {GROUP} knows 11"):
        await Reactions(worker, log, GROUP, HANDLERS).run(asyncio.Event())

    assert await owner.fetch("SELECT partition, epoch FROM stream_partition ORDER BY 1") == before


async def test_another_record_with_the_id_of_an_applied_one_is_never_applied(worker, log, owner):
    value, later = values_of(2)
    forged = value.replace(b'"correlation"', b'"something else"')
    for epoch, batch in enumerate([[value, forged], [forged, later]], start=1):
        await publish(log, batch, epoch=epoch)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of([value, later])  # and nobody waits for the forged one
    assert [letter.record for letter in await dead(owner)] == [forged, forged]


async def test_a_poison_event_parks_its_key_and_lets_the_rest_flow(worker, log, owner):
    lead, other = values_of(4), values_of(3)
    async with reacting(worker, log, {ACCEPTED: refusing(lead[1])}):
        mixed = [value for pair in zip(lead, other, strict=False) for value in pair]
        await publish(log, [*mixed, lead[2]], epoch=1)
        await caught_up(owner, log)
        await publish(log, lead, epoch=2)  # one more, in a turn of its own, behind redelivered ones
        await caught_up(owner, log)
    assert await effects(owner) == ids_of([lead[0], *other])
    (letter,) = await dead(owner)
    assert (letter.record, letter.position) == (lead[1], 2)
    assert (letter.reason, letter.type, letter.tenant_id) == ("ValueError: bug", ACCEPTED, TENANT)
    assert [waiting.record for waiting in await dead(owner, "parked")] == lead[2:]


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
    good = [*values_of(1), *values_of(1)]
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

    values = [values_of(1)[0], values_of(1, after=1)[0], values_of(1)[0]]
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
    assert await dead(owner, "open", "redriven") == []


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
    values = [values_of(1, after=n)[0] for n in range(4)]
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
    values = [value for _ in range(turn.MAX_DEAD_IN_A_ROW + 5) for value in values_of(2)]
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
    (stopped,) = await halted_partitions(owner, GROUP)
    assert stopped.reason == f"{turn.MAX_DEAD_IN_A_ROW} dead letters in a row"
    async with reacting(worker, log):  # the bug is gone
        assert await resume(owner, GROUP, P0) == stopped
        await caught_up(owner, log)
        for letter in await dead(owner):
            await redrive(worker, GROUP, HANDLERS, TENANT, letter.id, done_by("operator", TENANT))
    assert await effects(owner) == sorted(ids_of(values) + ids_of(elsewhere))
    assert await dead(owner, "open", "parked") == []


async def test_only_a_halted_partition_is_resumed(worker, log, owner):
    async with reacting(worker, log):
        await until(lambda: owner.fetchval("SELECT count(owner) = 12 FROM stream_partition"))
        with pytest.raises(DomainError, match="not halted"):
            await resume(owner, GROUP, P0)
    with pytest.raises(DomainError, match="no such partition"):
        await resume(owner, GROUP, Partition(TOPIC, 12))


async def test_a_redrive_gives_the_state_as_if_it_had_never_failed(worker, log, owner):
    values = values_of(5)
    refuse = {ACCEPTED: refusing(values[0], values[3])}
    await publish(log, values, epoch=1)
    async with reacting(worker, log, refuse):
        await caught_up(owner, log)
    (first,) = await dead(owner)

    async def asked(handlers, dead_id):
        by = done_by("operator", TENANT)
        return await redrive(worker, GROUP, handlers, TENANT, dead_id, by)

    assert await asked(handlers=refuse, dead_id=first.id) == "still-dead"
    assert await asked(handlers={ACCEPTED: refusing(values[3])}, dead_id=first.id) == "redriven"
    (fourth,) = await dead(owner)  # it waited, and proved to be poison too
    assert (fourth.record, fourth.attempts) == (values[3], 1)
    assert await asked(handlers=HANDLERS, dead_id=fourth.id) == "redriven"
    assert await owner.fetchval("SELECT array_agg(sequence ORDER BY ctid) FROM effect") == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert await dead(owner, "open", "parked") == []
    settled = [(x.id, x.attempts, x.actor) for x in await dead(owner, "redriven")]
    assert settled == [(first.id, 2, "operator"), (fourth.id, 1, "operator")]
    await publish(log, values, epoch=2)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)


async def test_two_operators_at_once_redrive_once(worker, log, owner):
    values = values_of(3)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: refusing(values[0])}):
        await caught_up(owner, log)
        (letter,) = await dead(owner)
        asked = [
            redrive(worker, GROUP, HANDLERS, TENANT, letter.id, done_by(f"o{n}", TENANT))
            for n in range(4)
        ]
        asked.append(discard(worker, GROUP, HANDLERS, TENANT, letter.id, done_by("o4", TENANT)))
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [outcome.code for outcome in outcomes if isinstance(outcome, DomainError)]
    assert refused == ["already-decided"] * 4
    expected = values if "redriven" in outcomes else values[1:]
    assert await effects(owner) == ids_of(expected)


async def test_a_redrive_waits_for_a_turn_of_its_partition(worker, log, owner):
    values = values_of(2)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: refusing(values[0])}):
        await caught_up(owner, log)
    (letter,) = await dead(owner)
    async with owner.transaction():
        await owner.execute("SELECT FROM stream_partition WHERE partition = 0 FOR UPDATE")
        asked = asyncio.create_task(
            redrive(worker, GROUP, HANDLERS, TENANT, letter.id, done_by("o", TENANT))
        )
        await until(lambda: owner.fetchval(WAITING_FOR_A_LOCK))
        assert await owner.fetchval("SELECT count(*) FROM dead_event WHERE status = 'open'") == 1
        await owner.execute("SELECT FROM dead_event FOR UPDATE NOWAIT")  # the partition came first
    assert await asked == "redriven"


async def test_a_discarded_event_lets_what_waited_go_on_and_stays_out(worker, log, owner):
    values = values_of(3)
    await publish(log, values, epoch=1)
    async with reacting(worker, log, {ACCEPTED: refusing(values[0])}):
        await caught_up(owner, log)
    (letter,) = await dead(owner)
    await discard(worker, GROUP, HANDLERS, TENANT, letter.id, done_by("operator", TENANT))
    await publish(log, values, epoch=2)
    async with reacting(worker, log):
        await caught_up(owner, log)
    assert await effects(owner) == ids_of(values[1:])
    shown = await show_dead(owner, GROUP, TENANT, letter.id)
    assert (shown.status, shown.actor, shown.waiting) == ("discarded", "operator", 0)
    for dead_id in (999, letter.id):
        with pytest.raises(DomainError) as caught:
            await show_dead(owner, GROUP, uuid4(), dead_id)
        assert caught.value.code == "not-found"


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
