"""Poison: exactly the bad event is set aside, its key waits, the rest flows; and what operators can do."""

import pytest

from metrics_service.application import fold_differences
from metrics_service.application.fold_dead import discard, redrive
from onefunnel.audit.entry import Marked
from onefunnel.errors import DomainError
from onefunnel.ids import new_id
from onefunnel.testing.auditing import done_by

from ..oracle.histories import uid
from ..oracle.oracle import Oracle
from .little import Company
from .stage import Stage
from .test_fold_order import count, dead, put


def op() -> Marked:
    return done_by("op", new_id())


@pytest.fixture
def poison(monkeypatch):
    """Make facts choke on chosen event ids, as a bug of ours would."""
    bad = set()
    real = fold_differences.apply

    def choke(facts, incoming):
        if incoming.event_id in bad:
            raise ZeroDivisionError
        real(facts, incoming)

    monkeypatch.setattr(fold_differences, "apply", choke)
    return bad


def two_deals() -> Company:
    company = Company().rules().opened().opened(uid("deal", 1))
    return company.moved().won().moved(deal_id=uid("deal", 1)).won(deal_id=uid("deal", 1))


async def test_poison_parks_its_key_and_lets_the_rest_flow(stage: Stage, poison: set) -> None:
    company = two_deals()
    moved = company.facts[-4]
    poison.add(moved.event_id)
    stage.tell(company.facts)

    await stage.fold_all()

    assert await dead(stage) == [("poison", 2, "open")]
    assert await stage.driver.fetchval("SELECT reason FROM parked_event") == "held"
    assert await count(stage, "key_hold") == 1
    rest = [f for f in company.facts if f is not moved and f is not company.facts[-3]]
    assert await stage.counters() == Oracle(rest).counters()


async def test_redrive_gives_the_state_as_if_it_had_never_failed(stage: Stage, poison: set) -> None:
    company = two_deals()
    poison.add(company.facts[-4].event_id)
    stage.tell(company.facts)
    await stage.fold_all()
    store = stage.fold().store
    assert await redrive(store, 1, op()) == "still-dead"
    assert await dead(stage) == [("poison", 2, "open")]

    poison.clear()
    assert await redrive(store, 1, op()) == "redriven"

    oracle = Oracle(company.facts)
    assert await stage.counters() == oracle.counters()
    assert await stage.owed() == oracle.owed()
    assert await count(stage, "parked_event") == await count(stage, "key_hold") == 0
    undisturbed = await stage.dump()
    with pytest.raises(DomainError):
        await redrive(store, 1, op())  # twice changes nothing
    stage.tell(company.facts)
    await stage.fold_all()
    assert await stage.dump() == undisturbed
    await store.close()


async def test_a_held_key_goes_on_after_its_dead_event_is_discarded(
    stage: Stage, poison: set
) -> None:
    company = two_deals()
    moved = company.facts[-4]
    poison.add(moved.event_id)
    stage.tell(company.facts)
    await stage.fold_all()
    store = stage.fold().store

    await discard(store, 1, op())

    oracle = Oracle([fact for fact in company.facts if fact is not moved])
    assert await stage.counters() == oracle.counters()
    assert await stage.owed() == oracle.owed()
    assert await count(stage, "parked_event") == 0
    stage.tell([moved])  # and stays discarded when the log tells it again
    await stage.fold_all()
    assert await dead(stage) == [("poison", 2, "discarded")]
    await store.close()


async def test_the_first_event_of_an_aggregate_can_be_discarded(stage: Stage, poison: set) -> None:
    company = two_deals()
    opened = next(f for f in company.facts if f.sequence == 1 and hasattr(f.event, "stage"))
    poison.add(opened.event_id)
    stage.tell(company.facts)
    await stage.fold_all()
    store = stage.fold().store

    await discard(store, 1, op())

    assert await count(stage, "parked_event") == 0
    assert await stage.driver.fetchval("SELECT min(deal_seq) FROM g1.deal") == 3
    await store.close()


async def test_discard_waits_for_an_earlier_event_that_is_missing(stage: Stage) -> None:
    company = Company().rules().opened().moved()
    stage.tell(company.facts[:-2])
    put(stage, company.facts[-1], data={"deal_id": "nonsense"})
    await stage.fold_all()
    store = stage.fold().store
    with pytest.raises(DomainError):
        await discard(store, 1, op())
    await store.close()
    assert (await dead(stage))[0][0] == "malformed-data"


async def test_an_event_that_cannot_be_read_holds_its_key(stage: Stage) -> None:
    company = Company().rules().opened().moved().won()
    stage.tell(company.facts[:-2])
    put(stage, company.facts[-2], data={"deal_id": 3})
    stage.tell(company.facts[-1:])

    await stage.fold_all()

    assert await dead(stage) == [("malformed-data", 2, "open")]
    assert await stage.driver.fetchval("SELECT reason FROM parked_event") == "held"


async def test_a_poisoned_rule_is_set_aside_and_later_rules_hold(stage: Stage, monkeypatch) -> None:
    company = Company().rules().opened().won().plan_version(2, "0.2").plan_version(3, "0.3")
    from metrics_service.application import fold_rules

    real = fold_rules.affected
    broken = [True]

    def affected(before, after, type_, event):
        if broken[0] and getattr(event, "plan", None) and event.plan.version == 2:
            raise ZeroDivisionError
        return real(before, after, type_, event)

    monkeypatch.setattr(fold_rules, "affected", affected)
    stage.tell(company.facts)
    await stage.fold_all()
    assert await dead(stage) == [("poison", 2, "open")]
    assert await stage.owed() == Oracle(company.facts[:-2]).owed()
    broken[0] = False
    store = stage.fold().store

    assert await redrive(store, 1, op()) == "redriven"

    assert await stage.owed() == Oracle(company.facts).owed()
    await store.close()


async def test_too_many_dead_events_in_a_row_halt_the_partition(stage: Stage, poison: set) -> None:
    company = two_deals()
    deals = [f for f in company.facts if hasattr(f.event, "deal_id")]
    poison |= {f.event_id for f in deals}
    stage.tell(company.facts)
    for n in range(5):
        stage.log.append("onefunnel.deal.v1", uid("deal", 0), b"nonsense %d" % n)

    await stage.fold_all(dead_in_a_row=3)

    rows = await stage.driver.fetch(
        "SELECT next_position, dead_in_a_row, halt_reason FROM stream_partition"
        " WHERE status = 'halted'"
    )
    assert len(rows) >= 1
    assert all(row["dead_in_a_row"] == 3 for row in rows)
    assert all("in a row" in row["halt_reason"] for row in rows)


async def test_a_value_that_the_database_refuses_is_dead_alone(stage: Stage) -> None:
    company = Company().rules().opened().won().opened(uid("deal", 1))
    huge = company.facts[-2]
    record = huge.event.model_dump(mode="json", warnings=False)
    record["lines"][0]["revenue_minor"] = 2**63 - 1
    record["lines"] = record["lines"] * 3
    stage.tell(company.facts[:-2])
    put(stage, huge, data=record)
    stage.tell(company.facts[-1:])

    await stage.fold_all()

    assert await dead(stage) == [("poison", 2, "open")]
    rest = [f for f in company.facts if f is not huge]
    assert await stage.counters() == Oracle(rest).counters()
