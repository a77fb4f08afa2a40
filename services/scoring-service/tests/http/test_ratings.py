"""Ratings over HTTP: blind, kept, settled by rule or decided by a manager."""

from uuid import UUID

import pytest

from onefunnel.events.privacy import SubjectErased
from onefunnel.ids import new_id

QUEUE = "/v1/ratings/reconciliations"


def path(lead) -> str:
    return f"/v1/leads/{lead}/ratings"


async def rate(scoring, lead, side: str, score: object, reason=None, role=None):
    async with scoring.client(role or {"marketing": "marketer", "sales": "rep"}[side]) as rater:
        body = {"side": side, "score": score} | ({"reason": reason} if reason else {})
        return await rater.post(path(lead), json=body)


async def seen(scoring, lead, role: str) -> dict:
    async with scoring.client(role) as reader:
        answer = await reader.get(path(lead))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def open_cases(scoring, **params) -> list[dict]:
    async with scoring.client("manager") as manager:
        return (await manager.get(QUEUE, params=params)).json()["items"]


async def disputed(scoring) -> str:
    lead = new_id()
    await rate(scoring, lead, "marketing", 5)
    await rate(scoring, lead, "sales", 2)
    [case] = [c for c in await open_cases(scoring) if c["lead_id"] == str(lead)]
    return case["id"]


async def decide(scoring, case: str, role: str = "manager", **body):
    async with scoring.client(role) as decider:
        return await decider.post(f"{QUEUE}/{case}/decision", json=body)


@pytest.mark.parametrize("score", [0, 6, 3.5, "3", True, None, -1])
async def test_a_rating_is_a_whole_number_from_1_to_5(scoring, score):
    answer = await rate(scoring, new_id(), "sales", score)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/score"
    assert await scoring.outbox() == []


async def test_the_worst_rating_needs_a_reason_code(scoring):
    lead = new_id()
    assert (await rate(scoring, lead, "sales", 1)).status_code == 422
    assert (await rate(scoring, lead, "sales", 1, reason="no_budget")).status_code == 201
    assert (await seen(scoring, lead, "rep"))["history"][0]["reason"] == "no_budget"


async def test_sales_rates_blind(scoring):
    lead = new_id()
    await rate(scoring, lead, "marketing", 5)
    before = await seen(scoring, lead, "rep")
    assert (before["marketing_rating"], before["history"], before["gap"]) == (None, [], None)
    assert "5" not in str({k: v for k, v in before.items() if k != "lead_id"})
    answer = (await rate(scoring, lead, "sales", 4)).json()
    after = await seen(scoring, lead, "rep")
    assert answer == after
    assert (after["marketing_rating"], after["sales_rating"], after["gap"]) == (5, 4, 1)


async def test_marketing_does_not_see_sales_rating_before_it_rated(scoring):
    lead = new_id()
    await rate(scoring, lead, "sales", 2)
    assert (await seen(scoring, lead, "marketer"))["sales_rating"] is None
    assert (await seen(scoring, lead, "manager"))["sales_rating"] == 2
    await rate(scoring, lead, "marketing", 2)
    assert (await seen(scoring, lead, "marketer"))["sales_rating"] == 2


async def test_a_gap_of_one_is_settled_as_sales_says(scoring):
    lead = new_id()
    await rate(scoring, lead, "marketing", 3)
    await rate(scoring, lead, "sales", 4)
    found = await seen(scoring, lead, "rep")
    assert (found["reconciled"]["score"], found["reconciled"]["method"]) == (4, "auto")
    assert await open_cases(scoring) == []
    assert await scoring.types() == ["lead.rated", "lead.rated", "lead.rating_reconciled"]


async def test_re_rating_counts_and_the_history_is_kept(scoring):
    lead = new_id()
    for score in (2, 5):
        await rate(scoring, lead, "sales", score)
    found = await seen(scoring, lead, "rep")
    assert found["sales_rating"] == 5
    assert [r["score"] for r in found["history"]] == [2, 5]
    assert [e.sequence for e, _ in await scoring.published()] == ["1", "2"]


async def test_a_gap_of_two_or_more_waits_and_is_never_averaged(scoring):
    case = await disputed(scoring)
    [found] = await open_cases(scoring)
    assert (found["id"], found["gap"], found["decision"]) == (case, 3, None)
    shown = await seen(scoring, found["lead_id"], "manager")
    assert shown["reconciled"] is None
    assert shown["reconciliation_id"] == case
    assert "lead.rating_reconciled" not in await scoring.types()


@pytest.mark.parametrize("role", ["rep", "marketer", "auditor", "comp_admin", "integration"])
async def test_only_a_manager_decides(scoring, role):
    case = await disputed(scoring)
    answer = await decide(scoring, case, role, score=3, reason="because")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert len(await open_cases(scoring)) == 1


@pytest.mark.parametrize("role", ["manager", "executive", "admin"])
async def test_a_decision_is_published_and_leaves_the_queue(scoring, role):
    case = await disputed(scoring)
    answer = await decide(scoring, case, role, score=3, reason="Both were half right.")
    assert answer.status_code == 200
    assert answer.json()["decision"]["reason"] == "Both were half right."
    assert await open_cases(scoring) == []
    assert [c["id"] for c in await open_cases(scoring, status="decided")] == [case]
    envelope, event = (await scoring.published())[-1]
    assert (event.score, event.method) == (3, "manager")
    assert str(envelope.id) == answer.headers["Event-Id"]
    shown = await seen(scoring, answer.json()["lead_id"], "rep")
    assert shown["reconciled"]["score"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {"score": 3},
        {"score": 3, "reason": ""},
        {"score": 3, "reason": "  "},
        {"score": 6, "reason": "x"},
    ],
)
async def test_a_decision_needs_a_score_and_a_reason(scoring, body):
    assert (await decide(scoring, await disputed(scoring), **body)).status_code == 422


async def test_a_case_is_decided_once(scoring):
    case = await disputed(scoring)
    await decide(scoring, case, score=3, reason="first")
    again = await decide(scoring, case, score=4, reason="second")
    assert (again.status_code, again.json()["code"]) == (409, "already-decided")
    [found] = await open_cases(scoring, status="decided")
    assert found["decision"]["reason"] == "first"


async def test_new_opinions_open_a_new_case_and_leave_the_old_one_as_it_was_decided(scoring):
    case = await disputed(scoring)
    lead = (await decide(scoring, case, score=3, reason="first")).json()["lead_id"]
    await rate(scoring, lead, "sales", 1, reason="no_budget")
    [fresh] = await open_cases(scoring)
    assert (fresh["gap"], fresh["id"] == case) == (4, False)
    again = await decide(scoring, case, score=4, reason="second")
    assert (again.status_code, again.json()["code"]) == (409, "already-decided")
    [old] = await open_cases(scoring, status="decided")
    assert (old["sales_rating"], old["decision"]["reason"]) == (2, "first")


async def test_the_same_opinion_again_leaves_who_decided_as_it_was(scoring):
    case = await disputed(scoring)
    lead = (await decide(scoring, case, score=3, reason="first")).json()["lead_id"]
    await rate(scoring, lead, "sales", 2)
    assert (await seen(scoring, lead, "rep"))["reconciled"]["score"] == 3
    decided = await scoring.owner.fetch("SELECT id, decided_principal FROM reconciliation")
    assert [(str(row[0]), row[1]) for row in decided] == [(case, "key:manager:None")]


@pytest.mark.parametrize(
    ("role", "side"), [("rep", "marketing"), ("marketer", "sales"), ("auditor", "sales")]
)
async def test_nobody_rates_for_the_other_side(scoring, role, side):
    assert (await rate(scoring, new_id(), side, 3, role=role)).status_code == 403


async def test_the_queue_is_paged_longest_waiting_first(scoring):
    cases = [await disputed(scoring) for _ in range(3)]
    async with scoring.client("manager") as manager:
        first = (await manager.get(QUEUE, params={"limit": 2})).json()
        rest = await manager.get(QUEUE, params={"limit": 2, "cursor": first["next_cursor"]})
    assert [c["id"] for c in first["items"]] + [c["id"] for c in rest.json()["items"]] == sorted(
        cases
    )


async def test_a_repeated_request_with_its_key_rates_once(scoring):
    async with scoring.client("rep") as rep:
        lead, headers = new_id(), {"Idempotency-Key": "k1"}
        answers = [
            await rep.post(path(lead), json={"side": "sales", "score": 4}, headers=headers)
            for _ in range(2)
        ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(await scoring.outbox()) == 1


async def test_another_tenant_sees_no_rating_and_no_case(scoring):
    case = await disputed(scoring)
    lead = (await open_cases(scoring))[0]["lead_id"]
    async with scoring.client("manager", tenant=new_id()) as stranger:
        assert (await stranger.get(path(lead))).json()["marketing_rating"] is None
        assert (await stranger.get(QUEUE)).json()["items"] == []
        body = {"score": 3, "reason": "x"}
        answer = await stranger.post(f"{QUEUE}/{case}/decision", json=body)
        assert answer.status_code == 404
        mine = await stranger.post(path(lead), json={"side": "sales", "score": 5})
        assert mine.status_code == 201
    assert (await seen(scoring, lead, "manager"))["sales_rating"] == 2


async def test_words_stay_here(scoring):
    case = await disputed(scoring)
    await decide(scoring, case, score=3, reason="CANARY was said by Jane Doe")
    assert not any(b"CANARY" in record for record in await scoring.outbox())


async def test_why_somebody_decided_is_sealed_and_goes_with_the_lead(scoring):
    case = await disputed(scoring)
    lead = (await decide(scoring, case, score=3, reason="CANARY why")).json()["lead_id"]
    tables = ("reconciliation", "lead_rating", "vault", "outbox", "audit")
    rows = [str(dict(r)) for t in tables for r in await scoring.owner.fetch(f"SELECT * FROM {t}")]
    assert not any("CANARY" in row for row in rows)
    assert (await seen(scoring, lead, "rep"))["reconciled"]["reason"] == "CANARY why"

    at = scoring.clock.at
    await scoring.hear(SubjectErased(subject_id=UUID(lead), kind="lead", erased_at=at))

    [found] = await open_cases(scoring, status="decided")
    assert (found["decision"]["score"], found["decision"]["reason"]) == (3, None)
    shown = await seen(scoring, lead, "rep")
    assert (shown["reconciled"]["score"], shown["reconciled"]["reason"]) == (3, None)
    await rate(scoring, lead, "sales", 3)
    assert (await seen(scoring, lead, "rep"))["sales_rating"] == 3, "what is counted goes on"
