"""What may be done about pay, over HTTP."""

import asyncio
from datetime import UTC, datetime

import pytest

from onefunnel.ids import new_id

PLANS = "/v1/compensation/plans"
ASSIGNMENTS = "/v1/compensation/assignments"
QUOTAS = "/v1/compensation/quotas"


def plan(**extra):
    component = {"id": "comm", "measure": "revenue", "rate": "0.08", "period": "month"}
    return {"name": "ae", "currency": "USD", "components": [component], **extra}


async def assigned(metrics, person, **dates):
    made = await metrics.post(PLANS, plan())
    return await metrics.post(ASSIGNMENTS, {"person": person, "plan": made["plan_id"], **dates})


async def test_a_plan_is_in_force_as_it_was_written(metrics):
    answer = await metrics.post(PLANS, plan())

    (event,) = await metrics.published()
    assert (answer["version"], answer["components"][0]["rate"]) == (1, "0.08")
    assert str(event.plan_id) == answer["plan_id"]
    assert event.plan.components[0].rate == "0.08"


async def test_a_plan_that_pays_on_revenue_alone_is_questioned(metrics):
    answer = await metrics.post(PLANS, plan())

    assert any("discount" in warning for warning in answer["warnings"])


async def test_the_next_version_of_a_plan_keeps_its_id(metrics):
    first = await metrics.post(PLANS, plan())

    second = await metrics.post(PLANS, plan(plan_id=first["plan_id"], name="ae 2"))

    assert (second["plan_id"], second["version"]) == (first["plan_id"], 2)


async def test_a_plan_never_changes_its_currency(metrics):
    first = await metrics.post(PLANS, plan())

    await metrics.post(PLANS, plan(plan_id=first["plan_id"], currency="EUR"), status=422)


@pytest.mark.parametrize(
    "component",
    [
        {"id": "c", "measure": "revenue", "rate": "0.08", "cap": 5},
        {"id": "c", "measure": "revenue", "rate": 0.08},
        {"id": "c", "measure": "revenue"},
        {"id": "c", "measure": "profit", "rate": "0.08"},
    ],
)
async def test_a_rule_that_would_not_be_paid_as_written_is_refused(metrics, component):
    await metrics.post(PLANS, plan(components=[component]), status=422)

    assert await metrics.published() == []


async def test_a_person_has_one_plan_at_a_time(metrics):
    person = str(new_id())
    await assigned(metrics, person, **{"from": "2026-01-01", "to": "2026-03-31"})
    made = await metrics.post(PLANS, plan())

    wanted = {"person": person, "plan": made["plan_id"]}
    await metrics.post(ASSIGNMENTS, {**wanted, "from": "2026-03-31"}, status=422)
    await metrics.post(ASSIGNMENTS, {**wanted, "from": "2026-04-01"})


async def test_two_assignments_at_once_are_not_both_taken(metrics):
    person = str(new_id())
    made = await metrics.post(PLANS, plan())
    body = {"person": person, "plan": made["plan_id"], "from": "2026-01-01"}

    async with metrics.client() as client:
        answers = await asyncio.gather(*(client.post(ASSIGNMENTS, json=body) for _ in range(4)))

    assert sorted(a.status_code for a in answers) == [201, 422, 422, 422]


async def test_an_open_assignment_ends_once(metrics):
    made = await assigned(metrics, str(new_id()), **{"from": "2026-01-01"})
    path = f"{ASSIGNMENTS}/{made['id']}/end"

    ended = await metrics.post(path, {"to": "2026-02-28"}, status=200)

    assert ended["to"] == "2026-02-28"
    await metrics.post(path, {"to": "2026-03-31"}, status=409)


async def test_an_assignment_ends_on_or_after_its_first_day(metrics):
    made = await assigned(metrics, str(new_id()), **{"from": "2026-01-01"})

    await metrics.post(f"{ASSIGNMENTS}/{made['id']}/end", {"to": "2025-12-31"}, status=422)


async def test_a_plan_of_another_tenant_is_not_found(metrics):
    made = await metrics.post(PLANS, plan())
    body = {"person": str(new_id()), "plan": made["plan_id"], "from": "2026-01-01"}

    async with metrics.client(tenant=new_id()) as client:
        answer = await client.post(ASSIGNMENTS, json=body)

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"measure": "revenue", "amount_minor": 0},
        {"measure": "revenue", "count": 3},
        {"measure": "count", "amount_minor": 3},
        {"measure": "revenue", "amount_minor": 10**16},
        {"measure": "revenue", "amount_minor": 5, "period": "2026-13"},
    ],
)
async def test_a_quota_that_nobody_could_attain_is_refused(metrics, body):
    wanted = {"person": str(new_id()), "period": "2026-01", **body}

    await metrics.post(QUOTAS, wanted, status=422)


async def test_a_quota_set_again_is_the_same_quota(metrics):
    person = str(new_id())
    body = {"person": person, "measure": "revenue", "period": "2026-01"}

    first = await metrics.post(QUOTAS, {**body, "amount_minor": 100})
    second = await metrics.post(QUOTAS, {**body, "amount_minor": 200})

    assert first["id"] == second["id"]
    assert [event.amount_minor for event in await metrics.published()] == [100, 200]


async def close(metrics, period, status=200):
    return await metrics.post(f"/v1/compensation/periods/{period}/close", status=status)


async def test_periods_close_in_order_and_once(metrics):
    await close(metrics, "2026-03")

    assert (await close(metrics, "2026-03", 409))["code"] == "period-closed"
    assert (await close(metrics, "2026-02", 409))["code"] == "period-closed"
    assert (await close(metrics, "2026-05", 409))["code"] == "conflict"
    await close(metrics, "2026-04")


async def test_a_period_that_two_close_at_once_is_closed_by_one(metrics):
    async with metrics.client() as client:
        path = "/v1/compensation/periods/2026-03/close"
        answers = await asyncio.gather(*(client.post(path) for _ in range(4)))

    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"period-closed"}
    assert len(await metrics.published()) == 1


async def test_a_period_is_not_closed_before_it_is_over(metrics):
    metrics.clock.at = datetime(2026, 6, 30, 23, 59, tzinfo=UTC)
    await close(metrics, "2026-06", 422)

    metrics.clock.at = datetime(2026, 7, 1, tzinfo=UTC)
    await close(metrics, "2026-06")


async def test_months_and_quarters_close_apart(metrics):
    await close(metrics, "2026-03")

    await close(metrics, "2026-Q1")
    await close(metrics, "2025")


async def test_a_repeated_command_has_one_effect(metrics):
    headers = {"Idempotency-Key": "once"}

    first = await metrics.post(PLANS, plan(), **headers)
    again = await metrics.post(PLANS, plan(), **headers)

    assert first == again
    assert len(await metrics.published()) == 1
