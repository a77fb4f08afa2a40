"""Duplicates, gaps, conflicts and strangers: what happens to events that are not simply next."""

import pytest

from onefunnel.events import spec_of

from ..oracle.histories import uid
from ..oracle.oracle import Oracle
from .little import DEAL, Company, new_id
from .stage import Stage, record_of


async def dead(stage: Stage) -> list[tuple]:
    rows = await stage.driver.fetch(
        "SELECT reason, aggregate_seq, status FROM dead_event ORDER BY dead_id"
    )
    return [tuple(row) for row in rows]


async def count(stage: Stage, table: str) -> int:
    return await stage.driver.fetchval(f"SELECT count(*) FROM {table}")


def put(stage: Stage, fact, **changes: object) -> None:
    event = changes.pop("event", fact.event)
    spec = spec_of(event)
    record = record_of(event, changes.pop("event_id", fact.event_id), fact.sequence, **changes)
    stage.log.append(spec.topic, getattr(event, spec.key), record)


async def test_an_event_told_twice_in_one_turn_counts_once(stage: Stage) -> None:
    company = Company().rules().opened()
    stage.tell([*company.facts, company.facts[-1]])

    await stage.fold_all()

    assert await stage.counters() == Oracle(company.facts).counters()
    assert await count(stage, "journal") == len(company.facts)
    assert await dead(stage) == []


async def test_an_event_told_again_later_counts_once(stage: Stage) -> None:
    company = Company().rules().opened().moved()
    stage.tell(company.facts)
    await stage.fold_all()

    stage.tell(company.facts)
    await stage.fold_all(events=2)

    assert await stage.counters() == Oracle(company.facts).counters()
    assert await dead(stage) == []


async def test_an_event_that_comes_too_early_waits_for_the_one_before_it(stage: Stage) -> None:
    company = Company().rules().opened().moved("evaluation").moved("proposal").won()
    opened, *rest = company.facts[-4:]
    stage.tell([*company.facts[:-4], *reversed(rest)])
    await stage.fold_all()
    parked = await stage.driver.fetch("SELECT reason FROM parked_event")
    assert [row["reason"] for row in parked] == ["gap", "gap", "gap"]
    assert await stage.owed() == {}

    stage.tell([opened])
    await stage.fold_all()

    assert await count(stage, "parked_event") == 0
    assert await stage.counters() == Oracle(company.facts).counters()
    assert await stage.owed() == Oracle(company.facts).owed()


async def test_a_parked_event_told_again_is_parked_once(stage: Stage) -> None:
    company = Company().rules().opened().moved()
    stage.tell([company.facts[-1], company.facts[-1]])
    await stage.fold_all()
    stage.tell([company.facts[-1]])
    await stage.fold_all()
    assert await count(stage, "parked_event") == 1

    stage.tell(company.facts)
    await stage.fold_all()

    assert await stage.counters() == Oracle(company.facts).counters()


@pytest.mark.parametrize("apart", [False, True])
async def test_an_id_with_other_bytes_is_dead_and_changes_nothing(
    stage: Stage, *, apart: bool
) -> None:
    company = Company().rules().opened().moved()
    moved = company.facts[-1]
    stage.tell(company.facts)
    if apart:
        await stage.fold_all()
    put(stage, moved, actorid="somebody else")

    await stage.fold_all()

    assert await dead(stage) == [("other-bytes", 2, "open")]
    assert await stage.counters() == Oracle(company.facts).counters()


async def test_an_id_reused_for_the_next_event_of_another_aggregate_is_dead(stage: Stage) -> None:
    company = Company().rules().opened()
    stage.tell(company.facts)
    await stage.fold_all()
    other = Company().opened(uid("deal", 1)).facts[0]

    put(stage, other, event_id=company.facts[-1].event_id)  # the journal's key must catch it
    await stage.fold_all()

    assert await dead(stage) == [("other-bytes", 1, "open")]
    assert await stage.counters() == Oracle(company.facts).counters()


async def test_a_sequence_used_twice_is_dead(stage: Stage) -> None:
    company = Company().rules().opened().moved()
    stage.tell(company.facts)
    await stage.fold_all()

    put(stage, company.facts[-1], event_id=new_id())
    await stage.fold_all()

    assert await dead(stage) == [("sequence-conflict", 2, "open")]
    assert await stage.counters() == Oracle(company.facts).counters()


async def test_two_parked_events_with_one_sequence_contradict_each_other(stage: Stage) -> None:
    company = Company().rules().opened().moved()
    opened, moved = company.facts[-2:]
    stage.tell(company.facts[:-2])
    stage.tell([moved])
    put(stage, moved, event_id=new_id())
    await stage.fold_all()
    assert await count(stage, "parked_event") == 2

    stage.tell([opened])
    await stage.fold_all()

    assert await count(stage, "parked_event") == 0
    assert await dead(stage) == [("sequence-conflict", 2, "open")]
    assert await stage.counters() == Oracle(company.facts).counters()


async def test_another_tenant_cannot_add_to_an_aggregate(stage: Stage) -> None:
    company = Company().rules().opened().moved()
    stage.tell(company.facts[:-1])
    await stage.fold_all()

    put(stage, company.facts[-1], tenant=uid("tenant", 1))
    await stage.fold_all()

    assert await dead(stage) == [("foreign-tenant", 2, "open")]
    assert await stage.counters() == Oracle(company.facts[:-1]).counters()


async def test_two_tenants_with_the_same_story_do_not_meet(stage: Stage) -> None:
    here = Company().rules().opened(uid("deal", 0)).won(deal_id=uid("deal", 0))
    there = Company().rules().opened(uid("deal", 1)).won(deal_id=uid("deal", 1))
    other = uid("tenant", 1)
    for n, fact in enumerate(there.facts):
        aggregate = uid("other", 0)
        if n < 4:  # the rules are aggregates too, with ids of their own
            renamed = {
                name: aggregate
                for name in ("tenant_id", "funnel_id", "assignment_id")
                if hasattr(fact.event, name)
            }
            there.facts[n] = fact._replace(event=fact.event.model_copy(update=renamed))
    there.facts[2] = there.facts[2]._replace(sequence=1)
    stage.tell(here.facts)
    stage.tell(
        [f._replace(event_id=new_id()) for f in there.facts if not hasattr(f.event, "plan")],
        tenant=other,
    )

    await stage.fold_all()

    assert await dead(stage) == []
    rows = await stage.driver.fetch(
        "SELECT tenant_id, won FROM g1.sales_counter WHERE dim = 'all' AND won > 0"
    )
    assert {row["tenant_id"] for row in rows} == {uid("tenant", 0), other}
    assert await stage.owed() == Oracle(here.facts).owed()


async def test_types_nobody_knows_are_passed_over_except_where_money_is(stage: Stage) -> None:
    company = Company().rules().captured().opened()
    captured, opened = company.facts[-2:]
    stage.tell(company.facts)
    put(stage, captured, event_id=new_id(), type="onefunnel.lead.sang.v1")
    put(stage, opened, event_id=new_id(), type="onefunnel.deal.sang.v1")

    await stage.fold_all()

    assert [row[0] for row in await dead(stage)] == ["unknown-type"]
    assert await stage.counters() == Oracle(company.facts).counters()


@pytest.mark.parametrize("bad", [b"\xff not json", b"", b"{}", "of no tenant"])
async def test_a_record_that_is_no_envelope_is_dead_and_the_rest_flows(
    stage: Stage, bad: bytes | str
) -> None:
    company = Company().rules().opened().won()
    if isinstance(bad, str):
        opened = company.facts[-2]
        whole = record_of(opened.event, new_id(), opened.sequence)
        bad = whole.replace(b'"tenantid"', b'"x-tenantid"')
    stage.log.append("onefunnel.deal.v1", DEAL, bad)
    stage.tell(company.facts)

    await stage.fold_all()

    assert [row[0] for row in await dead(stage)] == ["malformed-envelope"]
    assert await stage.owed() == Oracle(company.facts).owed()
