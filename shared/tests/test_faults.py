"""kill -9 and frozen processes, on real processes and real PostgreSQL: nothing acknowledged is lost."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from onefunnel.outbox.relay import Relay
from onefunnel.testing.faults import start_child, was_killed
from onefunnel.testing.small_service import (
    SOURCE,
    everything,
    sequences,
    without_repeats,
    written,
)
from onefunnel.testing.waiting import until
from onefunnel.wakeups import Wakeups

CHILDREN = Path(__file__).parent / "children"


async def killed(child) -> bool:
    return await asyncio.to_thread(was_killed, child)


async def end(child) -> None:
    child.stdin.close()
    assert await asyncio.to_thread(child.wait, 30) == 0
    child.stdout.close()


async def lease_runs_out(owner) -> None:
    """What the lease's seconds would do, without waiting for them."""
    await owner.execute("UPDATE relay_lease SET lease_until = now() - interval '1 second'")


def drained(owner):
    return until(lambda: owner.fetchval("SELECT count(*) = 0 FROM outbox"))


@pytest.mark.parametrize("point", ["write.before_commit", "write.after_commit"])
@pytest.mark.parametrize("time", [1, 7])
async def test_a_writer_that_dies_leaves_state_and_events_together_or_neither(
    service, owner, point, time
):
    child = start_child(CHILDREN / "writer.py", service.app_url, "20", fault=f"{point}:{time}")
    assert await killed(child)
    acknowledged = {UUID(line) for line in child.communicate()[0].split()}
    leads = {row["id"] for row in await owner.fetch("SELECT id FROM lead")}
    events = await owner.fetch("SELECT key, count(*) AS n FROM outbox GROUP BY key")
    assert acknowledged <= leads
    assert {row["key"] for row in events} == leads
    assert {row["n"] for row in events} <= {2}
    assert len(acknowledged) == time - 1
    assert len(leads) == time - 1 + (point == "write.after_commit")


@pytest.mark.parametrize(
    "point", ["relay.after_select", "relay.after_append", "relay.after_delete"]
)
async def test_a_relay_that_dies_loses_nothing_and_reorders_nothing(
    service, eventlog, app, log, owner, point
):
    committed = []
    for time in (1, 2, 1):
        committed += await written(app, 20, 3)
        child = start_child(
            CHILDREN / "relay.py", service.worker_url, eventlog.worker_url, fault=f"{point}:{time}"
        )
        if time == 2:  # the first batch goes well, the second is its death
            await drained(owner)
            committed += await written(app, 20, 3)
        assert await killed(child)
        child.communicate()
        await lease_runs_out(owner)
    heir = start_child(CHILDREN / "relay.py", service.worker_url, eventlog.worker_url)
    await drained(owner)
    await end(heir)
    values = await everything(log)
    assert set(values) == {record.value for record in committed}
    assert {tuple(without_repeats(numbers)) for numbers in sequences(values).values()} == {
        (1, 2, 3)
    }
    repeats = len(values) - len(committed)
    assert (repeats > 0) == (point == "relay.after_append")


async def test_a_frozen_relay_that_wakes_after_another_took_over_appends_nothing(
    service, eventlog, app, worker, log, owner
):
    records = await written(app, 20, 2)
    zombie = start_child(
        CHILDREN / "relay.py",
        service.worker_url,
        eventlog.worker_url,
        fault="relay.after_select:1:STOP",
    )
    await until(lambda: frozen(zombie.pid))
    await lease_runs_out(owner)
    stop, wakeups = asyncio.Event(), Wakeups()
    heir = asyncio.create_task(Relay(worker, log, SOURCE, wakeups.listen()).run(stop))
    await drained(owner)
    zombie.send_signal(signal.SIGCONT)
    later = await written(app, 5, 1)
    await drained(owner)
    await end(zombie)
    stop.set()
    await heir
    values = await everything(log)
    assert sorted(values) == sorted(record.value for record in records + later)


def frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def test_three_relay_processes_publish_everything_once(service, eventlog, app, log, owner):
    relays = [
        start_child(CHILDREN / "relay.py", service.worker_url, eventlog.worker_url)
        for _ in range(3)
    ]
    records = await written(app, 60, 3)
    await drained(owner)
    for relay in relays:
        await end(relay)
    assert sorted(await everything(log)) == sorted(record.value for record in records)


async def test_a_database_that_dies_with_a_relay_and_writers_on_it_loses_nothing(
    service, eventlog, app, worker, log, postgres_server
):
    """All of PostgreSQL is killed, both databases, in the middle of it all."""
    stop, wakeups = asyncio.Event(), Wakeups()
    relay = asyncio.create_task(Relay(worker, log, SOURCE, wakeups.listen()).run(stop))
    records = await written(app, 30, 2)
    await asyncio.to_thread(postgres_server.crash)
    records += await written(app, 30, 2)
    connection = await asyncpg.connect(service.owner_url)
    await drained(connection)
    await connection.close()
    stop.set()
    await relay
    values = await everything(log)
    assert set(values) == {record.value for record in records}
    assert {tuple(without_repeats(n)) for n in sequences(values).values()} == {(1, 2)}
