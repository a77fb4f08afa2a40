"""Rules against facts in flight: whichever commits first, everybody is owed the same."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from metrics_service.adapters.fold_turn import PostgresTurn
from metrics_service.application import fold_project
from metrics_service.application.fold_rederive import rederive
from onefunnel.events import directory, plans
from onefunnel.events.topics import DEAL, DIRECTORY, PAY
from onefunnel.testing.waiting import until

from ..oracle.histories import uid
from ..oracle.oracle import Oracle
from .little import DAY, PERSON, PLAN, Company
from .stage import TENANT, Stage
from .test_fold_any_order import twice
from .test_rebuild import drawn, verified

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def tiers(company: Company) -> None:
    table = [{"from": "0", "x": "1"}, {"from": "1", "x": "2"}]
    basis = {"basis": "attainment", "mode": "marginal", "table": table}
    company.plan_version(2, "0.2", tiers=basis)


def assignment_ends(company: Company) -> None:
    ended = plans.PlanAssigned(
        assignment_id=uid("assignment", 0),
        person_id=PERSON,
        plan_id=PLAN,
        **{"from": DAY.date() - timedelta(days=9), "to": DAY.date()},
    )
    company.tell(ended)


def zone(company: Company) -> None:
    company.tell(
        directory.TenantChanged(
            tenant_id=uid("tenant", 0), currency="EUR", time_zone="Pacific/Apia"
        )
    )


RULES = {
    "plan": lambda company: company.plan_version(2, "0.2"),
    "tiers": tiers,
    "quota": lambda company: company.quota_of(5_000),
    "close": lambda company: company.closed(),
    "assignment": assignment_ends,
    "zone": zone,
}


class Held:
    """Holds a fold's turns before their COMMIT."""

    def __init__(self, monkeypatch) -> None:
        self.release = asyncio.Event()
        self.reached = asyncio.Event()
        self.turns: set[object] = set()
        real = PostgresTurn.advance

        async def advance(turn, moves):
            claims = await real(turn, moves)
            if turn._driver in self.turns:
                self.reached.set()
                await self.release.wait()
            return claims

        monkeypatch.setattr(PostgresTurn, "advance", advance)


@pytest.mark.parametrize("first", ["deal", "rule"])
@pytest.mark.parametrize("rule", RULES)
async def test_a_rule_and_a_deal_in_flight_come_to_the_same_in_either_order(
    stage: Stage, monkeypatch, rule: str, first: str
) -> None:
    company = Company().rules().opened()
    stage.tell(company.facts)
    async with stage.fold() as deals, stage.fold() as rules:
        await rules.until_done()
        await deals.fold.start()
        everything = deals.fold._claims
        deals.fold._claims = {p: c for p, c in everything.items() if p.topic == DEAL}
        rules.fold._claims = {p: c for p, c in everything.items() if p.topic in (DIRECTORY, PAY)}
        told = len(company.facts)
        company.won()
        RULES[rule](company)
        stage.tell(company.facts[told:])
        held = Held(monkeypatch)
        leader, follower = (deals, rules) if first == "deal" else (rules, deals)
        async with leader.store._connected() as driver:
            held.turns.add(driver)

        leading = asyncio.create_task(leader.fold.turn(stage.log))
        await held.reached.wait()
        following = asyncio.create_task(follower.fold.turn(stage.log))
        if rule != "close" or first == "deal":
            await until(lambda: waits(stage))
        held.release.set()
        await asyncio.gather(leading, following)

    oracle = Oracle(company.facts)
    assert await stage.owed() == oracle.owed()
    assert await stage.counters() == oracle.counters()
    assert (await verified(stage)).right


async def waits(stage: Stage) -> bool:
    return bool(await stage.driver.fetchval(WAITING))


async def test_what_a_close_left_behind_is_posted_into_the_first_open_period(stage: Stage) -> None:
    company = Company().rules().opened().closed().won()
    stage.tell(company.facts[:-1])
    await stage.fold_all()
    stage.tell(company.facts[-1:])
    await stage.fold_all()

    rows = await stage.driver.fetch("SELECT earned_period, posted_period, kind FROM ledger_entry")

    assert [tuple(row) for row in rows] == [("2026-01", "2026-02", "retro")]


@pytest.mark.parametrize("chunk", range(2))
async def test_entities_derived_later_come_to_the_same(
    stage: Stage, monkeypatch, chunk: int
) -> None:
    monkeypatch.setattr(fold_project, "MAX_REDERIVED", 0)
    for n, history in enumerate(drawn(6)):
        oracle = Oracle(history)
        for m in range(4):
            r = Random(f"{chunk} {n} {m}")
            await stage.clear()
            stage.tell(twice(history, r))
            async with stage.fold(events=r.choice([1, 4, 20])) as run:
                while await run.fold.turn(stage.log):
                    for _ in range(r.choice([0, 0, 1, 2])):  # now and then, a piece of the rest
                        await rederive(run.store, run.fold._cache, TENANT)
                await run.until_done()
            assert await stage.counters() == oracle.counters()
            assert await stage.owed() == oracle.owed()
            assert await stage.driver.fetchval("SELECT count(*) FROM g1.rederive") == 0
        assert (await verified(stage)).right


async def test_no_money_is_posted_from_half_derived_totals(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(fold_project, "MAX_REDERIVED", 0)
    company = Company().rules().opened().won().plan_version(2, "0.5").won(20_000, version=2)
    stage.tell(company.facts[:-2])
    async with stage.fold() as run:
        await run.until_done()
        stage.tell(company.facts[-2:])
        while await run.fold.turn(stage.log):
            pass
        assert await stage.driver.fetchval("SELECT count(*) FROM ledger_entry") == 1
        assert (await verified(stage)).stale == [TENANT]
        await run.until_done()

    assert await stage.owed() == Oracle(company.facts).owed()


async def test_the_book_refuses_change_by_anybody(stage: Stage) -> None:
    stage.tell(Company().rules().opened().won().facts)
    await stage.fold_all()
    async with stage.database.driver() as worker:
        for driver in (worker, stage.driver):
            for statement in (
                "UPDATE ledger_entry SET amount_minor = 1",
                "DELETE FROM ledger_entry",
                "TRUNCATE ledger_entry",
            ):
                with pytest.raises(Exception, match=r"permission denied|never changed"):
                    await driver.execute(statement)
    assert await stage.driver.fetchval("SELECT count(*) FROM ledger_entry") == 1
