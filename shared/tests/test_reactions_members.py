"""Several consumers of one group: they share its partitions, and every event has its effect once."""

import asyncio
import signal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from onefunnel.log import members, ownership
from onefunnel.log.sharing import share_of
from onefunnel.testing.faults import start_child, was_killed
from onefunnel.testing.small_reactions import (
    caught_up,
    effects,
    ids_of,
    reacting,
    values_of,
)
from onefunnel.testing.small_service import publish
from onefunnel.testing.waiting import until

from .test_members import ALL

CHILD = Path(__file__).parent / "children" / "reactions.py"
pytestmark = pytest.mark.usefixtures("quick")


async def shared_by(owner, n: int) -> bool:
    """Say whether there are `n` members and each owns exactly its share."""
    names = [row[0] for row in await owner.fetch("SELECT name FROM stream_member")]
    rows = await owner.fetch("SELECT partition, owner FROM stream_partition ORDER BY 1")
    shares = {p.number: name for name in names for p in share_of(name, names, ALL)}
    return len(names) == n and dict(map(tuple, rows)) == shares


async def test_consumers_that_come_and_go_in_order_share_without_alarm(
    worker, log, owner, monkeypatch
):
    monkeypatch.setattr(members, "LEASE_S", 3_600)  # what moves is given and taken
    values = []
    with capture_logs() as logs:
        async with reacting(worker, log):
            for number in range(12):
                values += (more := values_of(25))
                await publish(log, more, epoch=1 + number, number=number)
            async with reacting(worker, log), reacting(worker, log):
                await until(lambda: shared_by(owner, 3))
            await until(lambda: shared_by(owner, 1))
            await caught_up(owner, log)
    assert await effects(owner) == ids_of(values)
    assert logs == []


async def test_an_error_of_one_moves_nothing_of_the_others(worker, log, owner, monkeypatch):
    monkeypatch.setattr(members, "LEASE_S", 3_600)
    async with reacting(worker, log), reacting(worker, log):
        await until(lambda: shared_by(owner, 2))
        query = "SELECT partition, owner, epoch FROM stream_partition ORDER BY 1"
        before = await owner.fetch(query)
        real, failed = ownership.note_ends, []

        async def fail(connection, group, name, ends):
            if not failed:
                failed.append(name)
                raise ConnectionResetError("planted")
            await real(connection, group, name, ends)

        monkeypatch.setattr(ownership, "note_ends", fail)
        await publish(log, values_of(1), epoch=1)
        await caught_up(owner, log)
        await until(lambda: bool(failed))
        anew = [(p, name, epoch + (name in failed)) for p, name, epoch in map(tuple, before)]
        await until(lambda: stands(owner, query, anew))


async def stands(owner, query: str, expected: list[tuple]) -> bool:
    return [tuple(row) for row in await owner.fetch(query)] == expected


async def test_what_a_killed_consumer_had_is_taken_over(service, eventlog, log, owner):
    """With the leases as they are: real processes, kill -9, and nobody who helps."""
    values = values_of(40)
    await publish(log, values[:20], epoch=1)
    urls = (service.worker_url, eventlog.worker_url)
    children = [start_child(CHILD, *urls) for _ in range(3)]
    await until(lambda: shared_by(owner, 3))

    for child in children[:2]:
        child.kill()
        assert await asyncio.to_thread(was_killed, child)
        child.communicate()
    await publish(log, values[20:], epoch=2)

    await until(lambda: shared_by(owner, 1))
    await caught_up(owner, log)
    children[2].communicate("")
    assert await effects(owner) == ids_of(values)


async def test_a_consumer_frozen_beyond_its_lease_is_replaced(service, eventlog, log, owner):
    values = values_of(250)
    await publish(log, values, epoch=1)
    urls = (service.worker_url, eventlog.worker_url)
    frozen = start_child(CHILD, *urls, fault="reaction.before_commit:2:STOP")
    heir = None
    try:
        await until(lambda: owner.fetchval("SELECT sum(next_position) > 0 FROM stream_partition"))
        heir = start_child(CHILD, *urls)
        await caught_up(owner, log)

        frozen.send_signal(signal.SIGCONT)

        await until(lambda: shared_by(owner, 2))
    finally:
        frozen.send_signal(signal.SIGCONT)
        for child in filter(None, (frozen, heir)):
            child.communicate("")
    assert await effects(owner) == ids_of(values)
