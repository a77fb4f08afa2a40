"""Every change of pay, and every settled dead letter, commits with its row of the audit."""

import pytest

from onefunnel.ids import new_id

from .test_dead_letters import DEAD, poisoned
from .test_pay_commands import ASSIGNMENTS, PLANS, QUOTAS, plan

AUDIT = "/internal/audit"
PERSON = str(new_id())


async def audit(metrics):
    return await metrics.get(AUDIT, limit=200)


async def test_each_change_of_pay_leaves_its_row_with_the_event_that_tells_it(metrics):
    await metrics.begin()
    made = await metrics.post(PLANS, plan())
    await metrics.post(PLANS, plan(plan_id=made["plan_id"], name="next"))
    assignment = await metrics.post(
        ASSIGNMENTS, {"person": PERSON, "plan": made["plan_id"], "from": "2026-01-01"}
    )
    await metrics.post(f"{ASSIGNMENTS}/{assignment['id']}/end", {"to": "2026-05-31"}, status=200)
    await metrics.post(
        QUOTAS,
        {
            "person": PERSON,
            "measure": "revenue",
            "period": "2026-01",
            "amount_minor": 5,
            "currency": "USD",
        },
    )
    money = {"amount_minor": 100, "currency": "USD"}
    await metrics.adjust(
        {
            "person": PERSON,
            "at": "2026-01-05T00:00:00Z",
            "amount": money,
            "reason": "words",
            "code": "spiff",
        }
    )
    await metrics.post("/v1/compensation/periods/2026-01/close", status=200)

    rows = list(reversed(await audit(metrics)))
    events = await metrics.owner.fetch("SELECT event_id FROM outbox ORDER BY id")

    assert [row["operation"] for row in rows] == [
        *("activatePlan", "activatePlan", "assignPlan", "endAssignment"),
        *("setQuota", "proposeAdjustment", "approveAdjustment", "closePeriod"),
    ]
    told = [row["event_id"] for row in rows if row["operation"] != "proposeAdjustment"]
    assert told == [str(r["event_id"]) for r in events]
    assert rows[0]["object_id"] == made["plan_id"]
    assert rows[3]["object_id"] == assignment["id"]
    assert rows[-1]["object_id"] == "2026-01"
    assert {row["principal_id"] for row in rows} == {"key:comp_admin"}
    assert "words" not in repr(rows)


@pytest.mark.parametrize("how", ["redrive", "discard"])
async def test_who_settles_a_dead_letter_is_in_the_audit(metrics, how):
    await poisoned(metrics)
    (letter,) = await metrics.get(DEAD)
    before = len(await audit(metrics))

    await metrics.post(f"{DEAD}/{letter['id']}/{how}", status=200)

    rows = await audit(metrics)
    assert len(rows) == before + 1
    assert (rows[0]["operation"], rows[0]["object_id"]) == (f"{how}DeadLetter", str(letter["id"]))


async def test_a_refused_settlement_is_not(metrics):
    await poisoned(metrics)
    (letter,) = await metrics.get(DEAD)
    await metrics.post(f"{DEAD}/{letter['id']}/discard", status=200)
    before = await audit(metrics)

    await metrics.post(f"{DEAD}/{letter['id']}/discard", status=409)

    assert await audit(metrics) == before
