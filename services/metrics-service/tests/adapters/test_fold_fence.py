"""Two workers that both believe: the fence stops one. Lost answers, broken connections, slow paths."""

import asyncio

import asyncpg
import pytest

from metrics_service.adapters import fold_store, journal_rows
from metrics_service.adapters.counter_rows import add
from metrics_service.adapters.fold_turn import PostgresTurn
from metrics_service.application import fold_order, fold_turn
from metrics_service.application.fold_ports import Retry
from metrics_service.projections.keys import SalesKey, SalesVector
from onefunnel.events import content, scoring
from onefunnel.events.topics import TOPICS
from onefunnel.log.ownership import ClaimLost
from onefunnel.testing.waiting import until

from ..oracle.histories import uid
from ..oracle.oracle import Oracle
from .little import DAY, LEAD, Company
from .stage import TENANT, Stage
from .test_fold_order import count, dead


async def positions(stage: Stage) -> int:
    return await stage.driver.fetchval("SELECT sum(next_position)::int FROM stream_partition")


async def test_of_two_that_believe_they_own_a_partition_the_fence_stops_one(
    stage: Stage, monkeypatch
) -> None:
    """With the inbox taken away, so that it cannot hide what the fence lets through."""
    views = Company()
    for n in range(5):
        views.tell(viewed(n))
    stage.tell(views.facts)
    await stage.driver.execute("ALTER TABLE journal DROP CONSTRAINT journal_pkey")
    monkeypatch.setattr(fold_order.Sequencer, "_is_new", lambda *_: True)
    async with stage.fold(events=2) as paused, stage.fold(events=2) as other:
        while await other.fold.turn(stage.log):
            pass

        with pytest.raises(ClaimLost):
            await paused.fold.turn(stage.log)

    assert await count(stage, "journal") == len(views.facts)
    assert await positions(stage) == len(views.facts)


async def test_a_claim_passes_over_a_partition_inside_a_turn(stage: Stage, monkeypatch) -> None:
    company = Company().rules().opened()
    stage.tell(company.facts)
    reached, release = asyncio.Event(), asyncio.Event()
    real = PostgresTurn.advance

    async def advance(turn, moves):
        reached.set()
        await release.wait()
        return await real(turn, moves)

    async with stage.fold() as one, stage.fold() as two:
        await one.fold.start()
        monkeypatch.setattr(PostgresTurn, "advance", advance)
        turning = asyncio.create_task(one.fold.turn(stage.log))
        await reached.wait()
        monkeypatch.setattr(PostgresTurn, "advance", real)

        await two.fold.start()

        inside = {p for p, c in one.fold._claims.items() if stage.log.records[p]}
        assert not inside & two.fold._claims.keys()
        release.set()
        await turning
    assert await stage.counters() == Oracle(company.facts).counters()


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_of_unknown_outcome_is_looked_up_not_guessed(
    stage: Stage, monkeypatch, *, committed: bool
) -> None:
    company = Company().rules().opened().moved().won()
    stage.tell(company.facts)
    real, lost = fold_store._commit, []

    async def commit(driver):
        if not lost:
            lost.append(True)
            if committed:
                await real(driver)
            driver.terminate()
            raise ConnectionResetError
        await real(driver)

    monkeypatch.setattr(fold_store, "_commit", commit)
    stop = asyncio.Event()
    async with stage.fold() as run:
        running = asyncio.create_task(run.fold.run(stop))
        await until(lambda: all_folded(stage, company))
        stop.set()
        await running

    assert lost
    assert await stage.counters() == Oracle(company.facts).counters()
    assert await stage.owed() == Oracle(company.facts).owed()
    assert await dead(stage) == []


async def all_folded(stage: Stage, company: Company) -> bool:
    return await count(stage, "journal") == len(company.facts)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("planted"),
        asyncpg.SerializationError("planted"),
        asyncpg.AdminShutdownError("planted"),
        asyncpg.DiskFullError("planted"),
        asyncpg.QueryCanceledError("planted"),
        asyncpg.InterfaceError("planted"),
        asyncpg.InternalClientError("planted"),
        ConnectionResetError("planted"),
        TimeoutError("planted"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_the_database_does_to_us_never_makes_an_event_dead(
    stage: Stage, monkeypatch, error: Exception
) -> None:
    company = Company().rules().opened().won()
    stage.tell(company.facts)
    real, left = PostgresTurn.add, [3]

    async def adding(turn, differences):
        if left[0]:
            left[0] -= 1
            raise error
        await real(turn, differences)

    monkeypatch.setattr(PostgresTurn, "add", adding)
    stop = asyncio.Event()
    async with stage.fold(first_pause_s=0.01) as run:
        running = asyncio.create_task(run.fold.run(stop))
        await until(lambda: all_folded(stage, company))
        stop.set()
        await running

    assert left == [0]
    assert await dead(stage) == []
    assert await stage.counters() == Oracle(company.facts).counters()


def viewed(n: int) -> content.ContentViewed:
    return content.ContentViewed(
        viewer_id=LEAD, view_id=uid("view", n), asset_id=uid("asset", 0), version=1, viewed_at=DAY
    )


async def test_the_journal_refuses_what_nobody_noticed_and_the_slow_path_sorts_it_out(
    stage: Stage, monkeypatch
) -> None:
    """The partition's lock untrue and the look-up blind: the primary key is the last wall."""
    company = Company().rules().opened().moved()
    for n in range(3):
        company.tell(viewed(n))
    stage.tell(company.facts)
    await stage.fold_all()
    monkeypatch.setattr(fold_turn, "_is_past", lambda *_: False)
    slowly = []
    real = journal_rows.insert_slowly

    async def insert_slowly(driver, events):
        slowly.append(len(events))
        return await real(driver, events)

    monkeypatch.setattr(journal_rows, "insert_slowly", insert_slowly)
    company.tell(viewed(3))
    company.won()
    stage.tell(company.facts[-5:])

    await stage.fold_all()

    assert slowly
    assert await count(stage, "journal") == len(company.facts)
    assert await dead(stage) == []
    assert await stage.counters() == Oracle(company.facts).counters()


async def test_two_that_make_one_entity_at_once_do_not_overwrite_each_other(
    stage: Stage, monkeypatch
) -> None:
    """A lead's two topics in two workers: neither finds a row to lock, so the later one starts over."""
    company = Company().rules().captured()
    company.tell(scoring.LeadQualified(lead_id=LEAD, definition_version=1, qualified_at=DAY))
    stage.tell(company.facts)
    reached, release = asyncio.Event(), asyncio.Event()
    real = PostgresTurn.advance

    async def advance(turn, moves):
        moved = await real(turn, moves)
        if not reached.is_set():
            reached.set()
            await release.wait()
        return moved

    async with stage.fold(events=4) as leads, stage.fold() as scores:
        await leads.fold.start()
        await leads.fold.turn(stage.log)
        everything = leads.fold._claims
        leads.fold._claims = {p: c for p, c in everything.items() if "lead" in p.topic}
        scores.fold._claims = {p: c for p, c in everything.items() if "scoring" in p.topic}
        monkeypatch.setattr(PostgresTurn, "advance", advance)
        first = asyncio.create_task(leads.fold.turn(stage.log))
        await reached.wait()
        second = asyncio.create_task(scores.fold.turn(stage.log))
        await until(lambda: waiting_for_a_row(stage))
        release.set()
        await first
        with pytest.raises(Retry):
            await second
        await scores.fold.start()
        await scores.until_done()

    assert await stage.counters() == Oracle(company.facts).counters()


async def waiting_for_a_row(stage: Stage) -> bool:
    return bool(await stage.driver.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_counters_added_in_opposite_orders_do_not_block_each_other(stage: Stage) -> None:
    keys = [SalesKey("owner", f"{n:05}", "EUR", DAY.date()) for n in range(8_000)]
    there = {TENANT: dict.fromkeys(keys, SalesVector(won=1))}
    back = {TENANT: dict.fromkeys(reversed(keys), SalesVector(won=1))}

    async def adding(differences) -> None:
        async with stage.database.driver() as driver:
            for _ in range(3):
                async with driver.transaction():
                    await add(driver, "g1", differences)

    await asyncio.gather(adding(there), adding(back))

    row = await stage.driver.fetchrow("SELECT count(*), min(won), max(won) FROM g1.sales_counter")
    assert tuple(row) == (8_000, 6, 6)


async def test_a_counter_that_came_to_nothing_is_gone(stage: Stage) -> None:
    key = SalesKey("all", "", "EUR", DAY.date())
    async with stage.database.driver() as driver:
        await add(driver, "g1", {TENANT: {key: SalesVector(won=1)}})
        await add(driver, "g1", {TENANT: {key: SalesVector(won=-1)}})
    assert await count(stage, "g1.sales_counter") == 0


async def test_texts_with_quotes_braces_and_commas_are_kept_as_they_are(stage: Stage) -> None:
    values = ['a"b', "a\\b", "{a,b}", "", "NULL", "ä ö", "a,b"]
    keys = [SalesKey("source", value, "EUR", DAY.date()) for value in values]
    async with stage.database.driver() as driver:
        await add(driver, "g1", {TENANT: dict.fromkeys(keys, SalesVector(won=1))})
    rows = await stage.driver.fetch("SELECT value FROM g1.sales_counter")
    assert sorted(row[0] for row in rows) == sorted(values)


async def test_a_log_made_anew_is_not_folded(stage: Stage, monkeypatch) -> None:
    from . import list_log

    company = Company().rules().opened()
    stage.tell(company.facts)
    await stage.fold_all()
    monkeypatch.setattr(list_log, "LOG_ID", uid("another", 1))
    stage.tell(company.facts)
    run = stage.fold()

    await run.fold.start()

    assert run.fold._claims == {}
    halted = "SELECT count(*) FROM stream_partition WHERE status = 'halted'"
    assert await stage.driver.fetchval(halted) == sum(topic.partitions for topic in TOPICS)
    await run.store.close()


async def test_a_position_beyond_the_log_halts_the_partition_and_no_other(stage: Stage) -> None:
    company = Company().rules().opened().captured()
    stage.tell(company.facts)
    await stage.fold_all()
    await stage.driver.execute(
        "UPDATE stream_partition SET next_position = 99 WHERE topic LIKE '%deal%' AND partition = 3"
    )
    told = len(company.facts)
    company.assigned()
    stage.tell(company.facts[told:])
    stop = asyncio.Event()
    async with stage.fold(first_pause_s=0.01) as run:
        running = asyncio.create_task(run.fold.run(stop))
        await until(lambda: all_folded(stage, company))
        stop.set()
        await running

    rows = await stage.driver.fetch(
        "SELECT topic, partition, next_position FROM stream_partition WHERE status = 'halted'"
    )
    assert [tuple(row)[1:] for row in rows] == [(3, 99)]
