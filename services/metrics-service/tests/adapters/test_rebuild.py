"""Rebuild and verify: the same tables byte for byte, the same owed, and nothing planted goes unseen."""

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics_service.adapters import generations
from metrics_service.adapters.generations import PostgresGenerations, drop_left_over
from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.fold_dead import discard
from metrics_service.application.rebuild import rebuild
from metrics_service.application.verify import verify
from onefunnel.errors import DomainError
from onefunnel.testing.waiting import until

from ..oracle.histories import histories, uid
from ..oracle.oracle import Fact, Oracle
from .little import Company
from .stage import Stage
from .test_fold_any_order import twice
from .test_fold_poison import (
    op,
    poison,  # noqa: F401 - a fixture
)


def drawn(n: int) -> list[list[Fact]]:
    found: list[list[Fact]] = []

    @settings(
        max_examples=n, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        found.append(data.draw(histories()))

    draw()
    return found


async def rebuilt(stage: Stage):
    return await rebuild(PostgresGenerations(stage.database))


async def verified(stage: Stage):
    return await verify(PostgresVerifyStore(stage.database))


async def test_a_rebuild_gives_the_same_bytes_and_the_same_owed(stage: Stage) -> None:
    for n, history in enumerate(drawn(10)):
        live = await stage.driver.fetchval("SELECT live FROM projection_generation")
        await stage.clear(f"g{live}")
        stage.tell(twice(history, Random(n)))
        await stage.fold_all(events=Random(n).choice([3, 1_000]))
        before = await stage.dump(f"g{live}")

        report = await rebuilt(stage)

        assert report.clean, report
        assert report.generation == live + 1
        assert await stage.dump(f"g{live + 1}") == before
        assert await stage.counters(f"g{live + 1}") == Oracle(history).counters()
        assert (await verified(stage)).right


async def test_the_fold_goes_on_in_the_new_generation(stage: Stage) -> None:
    company = Company().rules().captured().opened().moved().won().assigned()
    stage.tell(company.facts[:-2])
    async with stage.fold() as run:
        await run.until_done()
        await rebuilt(stage)
        stage.tell(company.facts[-2:])
        await run.until_done()

    assert await stage.counters("g2") == Oracle(company.facts).counters()
    assert await stage.owed() == Oracle(company.facts).owed()
    assert (await verified(stage)).right


async def test_the_old_generation_stays_until_the_next_rebuild(stage: Stage) -> None:
    stage.tell(Company().rules().opened().facts)
    await stage.fold_all()
    await rebuilt(stage)
    assert await schemas(stage) == ["g1", "g2"]
    await rebuilt(stage)
    assert await schemas(stage) == ["g2", "g3"]


async def schemas(stage: Stage) -> list[str]:
    rows = await stage.driver.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname ~ '^g[0-9]+$' ORDER BY 1"
    )
    return [row[0] for row in rows]


async def test_a_rebuild_that_fails_leaves_the_old_generation_alive(
    stage: Stage, monkeypatch
) -> None:
    stage.tell(Company().rules().opened().won().facts)
    await stage.fold_all()
    from metrics_service.adapters import generation_writing

    async def wrong(*_args):
        raise generation_writing.WrongSums("planted")

    monkeypatch.setattr(generation_writing, "check_sums", wrong)
    with pytest.raises(generation_writing.WrongSums):
        await rebuilt(stage)

    assert await schemas(stage) == ["g1"]
    assert await stage.driver.fetchval("SELECT live FROM projection_generation") == 1


async def test_what_a_killed_rebuild_left_is_dropped(stage: Stage) -> None:
    await stage.driver.execute("CREATE SCHEMA g7 AUTHORIZATION onefunnel_worker")
    async with stage.database.driver() as driver:
        assert await drop_left_over(driver) == ["g7"]
    assert await schemas(stage) == ["g1"]


async def test_a_rebuild_waits_for_a_worker_that_tidies_up_and_not_for_another_rebuild(
    stage: Stage,
) -> None:
    lock = generations.REBUILD_LOCK
    waits = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    await stage.driver.execute("SELECT pg_advisory_lock_shared($1)", lock)
    rebuilding = asyncio.create_task(rebuilt(stage))
    await until(lambda: stage.driver.fetchval(waits))
    with pytest.raises(DomainError, match="running already"):
        await rebuilt(stage)
    await stage.driver.execute("SELECT pg_advisory_unlock_shared($1)", lock)
    assert (await rebuilding).generation == 2

    await stage.driver.execute("SELECT pg_advisory_lock($1)", lock)
    with pytest.raises(DomainError, match="running already"):
        await rebuilt(stage)
    await stage.driver.execute("SELECT pg_advisory_unlock($1)", lock)


async def test_a_rebuild_reports_where_the_book_differs_and_never_writes_it(stage: Stage) -> None:
    company = Company().rules().opened().won()
    stage.tell(company.facts)
    await stage.fold_all()
    await stage.driver.execute(
        "INSERT INTO ledger_entry (tenant_id, payee_id, cause_event_id, component, earned_period,"
        " posted_period, account, kind, currency, amount_minor, inputs)"
        " SELECT tenant_id, payee_id, gen_random_uuid(), component, earned_period, posted_period,"
        " account, kind, currency, 7, '{}' FROM ledger_entry"
    )

    report = await rebuilt(stage)

    assert [(d.owed_minor, d.posted_minor) for d in report.differences] == [(1_000, 1_007)]
    assert await stage.driver.fetchval("SELECT count(*) FROM ledger_entry") == 2
    assert (await verified(stage)).differences == report.differences


async def test_a_rebuild_knows_what_was_discarded(stage: Stage, poison) -> None:  # noqa: F811
    company = Company().rules().opened().moved().won()
    poison.add(company.facts[-1].event_id)
    stage.tell(company.facts)
    await stage.fold_all()
    store = stage.fold().store
    await discard(store, 1, op())
    await store.close()
    before = await stage.dump()

    report = await rebuilt(stage)

    assert report.clean, report
    assert await stage.dump("g2") == before


async def test_verify_finds_a_planted_error_in_a_counter(stage: Stage) -> None:
    stage.tell(Company().rules().captured().opened().won().facts)
    await stage.fold_all()
    assert (await verified(stage)).right
    await stage.driver.execute("UPDATE g1.sales_counter SET won = won + 1 WHERE dim = 'all'")
    await stage.driver.execute("DELETE FROM g1.lead_use_counter")

    verdict = await verified(stage)

    assert not verdict.right
    wrong = {
        (found.key[0], found.stored.won - found.counted.won) for found in verdict.wrong_counters
    }
    assert wrong == {("all", 1)}


async def test_verify_finds_a_planted_error_in_an_entity(stage: Stage) -> None:
    stage.tell(Company().rules().captured().opened().won().facts)
    await stage.fold_all()
    await stage.driver.execute("UPDATE g1.deal SET stage = 'proposal'")
    assert [found.table for found in (await verified(stage)).wrong_entities] == ["deal"]
    await stage.driver.execute("DELETE FROM g1.deal")
    assert not (await verified(stage)).right


async def test_verify_finds_a_missing_and_a_surplus_counter(stage: Stage) -> None:
    stage.tell(Company().rules().captured().opened().facts)
    await stage.fold_all()
    await stage.driver.execute("DELETE FROM g1.pipeline_counter WHERE dim = 'all'")
    await stage.driver.execute("UPDATE g1.sales_counter SET day = day + 1 WHERE dim = 'all'")

    verdict = await verified(stage)

    assert sorted((w.stored is None, w.counted is None) for w in verdict.wrong_counters) == sorted(
        [(True, False), (True, False), (True, False), (False, True)]
    )


async def test_verify_lists_ids_that_nobody_introduced(stage: Stage) -> None:
    stage.tell(Company().rules().opened().won().facts)
    await stage.fold_all()

    verdict = await verified(stage)

    assert verdict.right
    unknown = [(found.named_by, found.id, found.times) for found in verdict.unknown_ids]
    assert unknown == [("deal_credit.person_id", str(uid("person", 0)), 1)]


async def test_a_release_with_other_projections_asks_for_a_rebuild(stage: Stage) -> None:
    stage.tell(Company().rules().opened().won().facts)
    await stage.fold_all()
    generations = PostgresGenerations(stage.database)
    assert await generations.is_current()
    await stage.driver.execute(
        "UPDATE projection_generation SET shape = 'of before';"
        "ALTER TABLE g1.deal DROP COLUMN segment"
    )
    assert not await generations.is_current()

    report = await rebuilt(stage)

    assert await generations.is_current()
    assert report.changed == []  # generations of two shapes cannot be compared
    assert (await verified(stage)).right
