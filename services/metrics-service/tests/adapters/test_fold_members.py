"""Several folds in one process, each with its own store: they share, and come to what one comes to."""

import asyncio
from contextlib import asynccontextmanager
from random import Random
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from metrics_service import main
from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application import fold_project
from metrics_service.application.fold_ports import Retry
from metrics_service.application.rebuild import rebuild
from metrics_service.application.verify import verify
from onefunnel.log import members
from onefunnel.log.port import Partition
from onefunnel.log.sharing import share_of
from onefunnel.testing.waiting import until

from ..oracle.oracle import Fact, Oracle
from .list_log import COUNTS
from .little import Company
from .stage import Stage
from .test_fold_any_order import twice
from .test_rebuild import drawn

ALL = [Partition(topic, n) for topic, count in COUNTS.items() for n in range(count)]


@asynccontextmanager
async def folding(stage: Stage, name: str):
    """Let a fold run while the block runs, then stop it in order."""
    stop = asyncio.Event()
    run = stage.fold(name, events=3, look_after_s=0, first_pause_s=0.01)
    running = asyncio.create_task(run.fold.run(stop))
    try:
        yield run
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await running


async def owners(stage: Stage) -> dict[Partition, str]:
    query = "SELECT topic, partition, owner FROM stream_partition"
    return {Partition(r[0], r[1]): r[2] for r in await stage.driver.fetch(query)}


async def shared_by(stage: Stage, *names: str) -> bool:
    """Say whether each of these members, and nobody else, owns exactly its share."""
    shares = {p: name for name in names for p in share_of(name, names, ALL)}
    return await owners(stage) == shares


async def epochs(stage: Stage) -> dict[Partition, int]:
    query = "SELECT topic, partition, epoch FROM stream_partition"
    return {Partition(r[0], r[1]): r[2] for r in await stage.driver.fetch(query)}


async def done(stage: Stage, history: list[Fact]) -> bool:
    live = await stage.driver.fetchval("SELECT live FROM projection_generation")
    return await stage.driver.fetchval(
        "SELECT (SELECT count(*) FROM journal) = $1"
        f" AND NOT EXISTS (SELECT FROM g{live}.rederive)"
        f" AND NOT EXISTS (SELECT FROM g{live}.pay_due)",
        len(history),
    )


@pytest.fixture
def no_lease_runs_out(monkeypatch) -> None:
    """Leave nothing to time: what moves is given and taken."""
    monkeypatch.setattr(members, "LEASE_S", 3_600)


@pytest.mark.usefixtures("no_lease_runs_out")
@pytest.mark.parametrize("rederived", [0, fold_project.MAX_REDERIVED])
async def test_many_that_come_and_go_in_order_come_to_what_one_comes_to(
    stage: Stage, monkeypatch, rederived: int
) -> None:
    """With all that changes of rules leave to be done, done by several; and nobody is alarmed."""
    monkeypatch.setattr(fold_project, "MAX_REDERIVED", rederived)
    with capture_logs() as logs:
        for n, history in enumerate(drawn(4)):
            await stage.clear()
            told = twice(history, Random(n))
            third = len(told) // 3
            stage.tell(told[:third])
            async with folding(stage, "one"), folding(stage, "two"):
                await until(lambda: shared_by(stage, "one", "two"))
                stage.tell(told[third : 2 * third])
                async with folding(stage, "three"):
                    await until(lambda: shared_by(stage, "one", "two", "three"))
                    stage.tell(told[2 * third :])
                await until(lambda: shared_by(stage, "one", "two"))
                await until(lambda: done(stage, history))  # noqa: B023 - awaited here
            oracle = Oracle(history)
            assert await stage.counters() == oracle.counters()
            assert await stage.owed() == oracle.owed()
            assert (await verify(PostgresVerifyStore(stage.database))).right
    assert [line for line in logs if line["log_level"] != "info"] == []


@pytest.mark.usefixtures("no_lease_runs_out")
async def test_an_error_of_one_moves_nothing_of_the_others(stage: Stage) -> None:
    async with folding(stage, "one"), folding(stage, "two") as two:
        await until(lambda: shared_by(stage, "one", "two"))
        before = await epochs(stage)
        of_two = share_of("two", ["one", "two"], ALL)
        real = two.store.note_ends

        async def fail(ends) -> None:
            two.store.note_ends = real
            raise Retry("planted")

        two.store.note_ends = fail
        anew = {p: epoch + (p in of_two) for p, epoch in before.items()}
        await until(lambda: at(stage, anew))
        assert await shared_by(stage, "one", "two")


async def at(stage: Stage, expected: dict[Partition, int]) -> bool:
    return await epochs(stage) == expected


@pytest.mark.usefixtures("no_lease_runs_out")
async def test_how_fresh_the_numbers_are_is_known_of_every_partition(stage: Stage) -> None:
    async with folding(stage, "one"), folding(stage, "two"):
        await until(lambda: shared_by(stage, "one", "two"))
        since = await stage.driver.fetchval("SELECT now()")
        await until(
            lambda: stage.driver.fetchval("SELECT min(seen_at) > $1 FROM stream_partition", since)
        )


async def test_what_is_left_of_a_tenant_is_done_by_one_member(stage: Stage) -> None:
    stores = [PostgresFoldStore(stage.database, name) for name in ("one", "two", "three")]
    await stage.driver.execute(
        "INSERT INTO g1.rederive (tenant_id, entity_id, owner_code, rules)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 1, 1 FROM generate_series(1, 30)"
    )
    for store in stores:
        await store.prepare(await stage.log.topics())
        await store.take_share({})

    found: list[list[UUID]] = [await store.tenants_with_work() for store in stores]

    assert all(found)
    assert len(set().union(*found)) == sum(map(len, found)) == 30
    for store in stores:
        await store.close()


async def test_a_rebuild_while_several_fold_is_exact(stage: Stage) -> None:
    history = max(drawn(8), key=len)
    told = twice(history, Random(3))
    stage.tell(told[: len(told) // 2])
    async with folding(stage, "one"), folding(stage, "two"), folding(stage, "three"):
        await until(lambda: stage.driver.fetchval("SELECT count(*) > 0 FROM journal"))

        report = await rebuild(PostgresGenerations(stage.database))

        stage.tell(told[len(told) // 2 :])
        await until(lambda: done(stage, history))
        await until(lambda: shared_by(stage, "one", "two", "three"))
    assert not report.differences
    assert await stage.counters("g2") == Oracle(history).counters()
    assert await stage.owed() == Oracle(history).owed()
    assert (await verify(PostgresVerifyStore(stage.database))).right


async def test_of_workers_of_a_new_release_one_folds_anew_and_the_others_wait(
    stage: Stage, monkeypatch
) -> None:
    company = Company().rules().opened().won()
    stage.tell(company.facts)
    await stage.fold_all()
    await stage.driver.execute("UPDATE projection_generation SET shape = 'of another release'")
    monkeypatch.setattr(main, "_LOOK_AGAIN_S", 0.01)
    generations = PostgresGenerations(stage.database)

    await asyncio.gather(*(main._make_current(generations, asyncio.Event()) for _ in range(4)))

    assert await generations.is_current()
    assert await stage.counters("g2") == Oracle(company.facts).counters()
