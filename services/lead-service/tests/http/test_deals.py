"""Deals over HTTP."""

from typing import Any

import pytest


async def new_deal(caller: Any, **changes: Any) -> dict[str, Any]:
    person = await caller.made("/v1/people", {"name": "Rob", "kind": "rep"})
    body = {"owner": person["id"], "amount": {"amount_minor": 90_000, "currency": "EUR"}} | changes
    deal: dict[str, Any] = await caller.made("/v1/deals", body)
    return deal


async def won_deal(caller: Any) -> dict[str, Any]:
    deal = await new_deal(caller)
    won: dict[str, Any] = await caller.made(f"/v1/deals/{deal['id']}/win", {})
    return won


async def test_a_win_without_lines_books_the_amount_and_credits_the_owner(caller: Any) -> None:
    won = await won_deal(caller)
    assert won["booking"]["lines"][0]["revenue_minor"] == 90_000
    assert [c["person_id"] for c in won["booking"]["credits"]] == [won["owner_id"]]


async def test_a_deal_of_nothing_is_won_with_a_line_of_nothing_or_with_none(caller: Any) -> None:
    for body, lines in (({}, [0]), ({"lines": []}, [])):
        deal = await new_deal(caller, amount={"amount_minor": 0, "currency": "EUR"})
        won = await caller.made(f"/v1/deals/{deal['id']}/win", body)
        assert [line["revenue_minor"] for line in won["booking"]["lines"]] == lines


async def test_a_deal_moves_back_and_past_steps_and_its_timeline_tells(caller: Any) -> None:
    deal = await new_deal(caller, created_at="2026-01-01T00:00:00Z")
    path = f"/v1/deals/{deal['id']}"
    for day, stage in enumerate(["negotiation", "evaluation", "proposal"], start=2):
        body = {"stage": stage, "at": f"2026-01-0{day}T00:00:00Z", "evidence": "they said so"}
        await caller.made(f"{path}/stage", body)
    items = (await caller.get(f"{path}/timeline")).json()["items"]
    assert [(t["from"], t["to"], t["left_at"]) for t in items] == [
        ("evaluation", "proposal", None),
        ("negotiation", "evaluation", "2026-01-04T00:00:00Z"),
        ("discovery", "negotiation", "2026-01-03T00:00:00Z"),
        (None, "discovery", "2026-01-02T00:00:00Z"),
    ]
    assert items[0]["note"] == "they said so"


async def test_staying_in_a_step_is_no_event(caller: Any) -> None:
    deal = await new_deal(caller)
    before = await caller.state()
    answer = await caller.post(f"/v1/deals/{deal['id']}/stage", {"stage": "discovery"})
    assert answer.status_code == 200
    assert "event-id" not in answer.headers
    assert await caller.state() == before


async def test_a_lost_deal_says_outcome_competitor_and_reason(caller: Any) -> None:
    deal = await new_deal(caller)
    body = {
        "outcome": "lost_to_competitor",
        "competitor": "initech",
        "reason": "price",
        "note": "Peter liked them",
    }
    lost = await caller.made(f"/v1/deals/{deal['id']}/lose", body)
    assert (lost["state"], lost["outcome"], lost["competitor"], lost["reason"]) == (
        "lost", "lost_to_competitor", "initech", "price",
    )  # fmt: skip


async def test_people_must_choose_how_a_deal_was_lost(caller: Any) -> None:
    deal = await new_deal(caller)
    body = {"outcome": "unspecified", "reason": "unknown"}
    assert (await caller.post(f"/v1/deals/{deal['id']}/lose", body)).status_code == 422


async def test_a_correction_publishes_the_next_version_and_keeps_the_date(caller: Any) -> None:
    won = await won_deal(caller)
    body = {
        "reason": "typo",
        "lines": [{"id": "1", "revenue_minor": 80_000, "cost_minor": 1}],
        "credits": [{"person": won["owner_id"]}],
    }
    corrected = await caller.made(f"/v1/deals/{won['id']}/corrections", body)
    event = (await caller.events())[-1]
    assert event["data"]["version"] == 2
    assert corrected["booking"]["at"] == won["booking"]["at"]
    assert corrected["booking"]["lines"][0]["revenue_minor"] == 80_000
    top = (await caller.get(f"/v1/deals/{won['id']}/timeline")).json()["items"][0]
    assert top["details"]["reason"] == "typo"


async def test_refunds_by_amount_and_fraction_add_up_to_at_most_the_whole(caller: Any) -> None:
    won = await won_deal(caller)
    path = f"/v1/deals/{won['id']}/refunds"
    third = {"amount": {"amount_minor": 30_000, "currency": "EUR"}}
    await caller.made(path, third)
    await caller.made(path, third)
    before = await caller.state()
    assert (await caller.post(path, {"fraction": "0.34"})).status_code == 422
    assert await caller.state() == before
    await caller.made(path, third)
    fractions = [e["data"]["fraction"] for e in (await caller.events())[-3:]]
    assert fractions == ["0.333333333333", "0.333333333334", "0.333333333333"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"fraction": "0"},
        {"fraction": "-0.5"},
        {"fraction": "1.000000000001"},
        {"fraction": 0.5},
        {"amount": {"amount_minor": 90_001, "currency": "EUR"}},
        {"amount": {"amount_minor": 1, "currency": "USD"}},
        {"fraction": "0.5", "amount": {"amount_minor": 1, "currency": "EUR"}},
    ],
)
async def test_a_refund_that_makes_no_sense_is_refused(caller: Any, body: Any) -> None:
    won = await won_deal(caller)
    before = await caller.state()
    assert (await caller.post(f"/v1/deals/{won['id']}/refunds", body)).status_code == 422
    assert await caller.state() == before


async def test_payments_add_up(caller: Any) -> None:
    won = await won_deal(caller)
    for amount in (10_000, 20_000):
        body = {"amount": {"amount_minor": amount, "currency": "EUR"}}
        paid = await caller.made(f"/v1/deals/{won['id']}/payments", body)
    assert paid["paid"] == {"amount_minor": 30_000, "currency": "EUR"}


async def test_a_won_deal_is_cancelled_reopened_and_won_with_a_higher_version(caller: Any) -> None:
    won = await won_deal(caller)
    path = f"/v1/deals/{won['id']}"
    assert (await caller.made(f"{path}/cancel", {"reason": "fraud"}))["state"] == "cancelled"
    assert (await caller.made(f"{path}/reopen", {}))["state"] == "open"
    assert (await caller.made(f"{path}/win", {}))["booking"]["version"] == 2


async def test_a_deals_currency_stays_for_good(caller: Any) -> None:
    deal = await new_deal(caller)
    body = {"amount": {"amount_minor": 1, "currency": "USD"}}
    answer = await caller.send("PATCH", f"/v1/deals/{deal['id']}", body, If_Match='"1"')
    assert answer.status_code == 422
    assert answer.json()["code"] == "business-rule-violated"


async def test_a_patched_deal_publishes_everything_it_is_about_now(caller: Any) -> None:
    deal = await new_deal(caller, source="web")
    body = {"amount": {"amount_minor": 5, "currency": "EUR"}, "expected_close_on": "2026-12-31"}
    patched = await caller.send("PATCH", f"/v1/deals/{deal['id']}", body, If_Match='"1"')
    assert patched.status_code == 200, patched.text
    data = (await caller.events())[-1]["data"]
    assert data["source"] == "web"
    assert data["owner_id"] == deal["owner_id"]
    assert data["amount"]["amount_minor"] == 5
    assert data["expected_close_on"] == "2026-12-31"


async def test_a_second_deal_of_a_lead_keeps_where_the_lead_came_from(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {"source": "fair"})
    first = await caller.made("/v1/deals", {"lead": lead["id"]})
    second = await caller.made("/v1/deals", {"lead": lead["id"]})
    assert first["origin"] == second["origin"]
    assert (await caller.get(f"/v1/leads/{lead['id']}")).json()["deal_id"] == first["id"]


async def test_the_same_external_deal_is_opened_once(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {})
    body = {"external": {"source": "crm", "id": "7"}, "lead": lead["id"]}
    first = await caller.post("/v1/deals", body)
    second = await caller.post("/v1/deals", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (await caller.post("/v1/deals", body | {"name": "other"})).status_code == 409


async def test_activities_are_listed_by_deal_and_publish_no_words(caller: Any) -> None:
    deal = await new_deal(caller)
    body = {"deal": deal["id"], "kind": "call", "two_way": True, "note": "spoke to Eve"}
    made = await caller.made("/v1/activities", body)
    found = (await caller.get(f"/v1/activities?deal={deal['id']}")).json()["items"]
    assert found == [made]
    assert (await caller.types())[-1] == "activity.logged"


async def test_names_are_found_by_kind_in_the_own_tenant(caller: Any) -> None:
    deal = await new_deal(caller, name="Big one")
    wanted = {"person": [deal["owner_id"]], "deal": [deal["id"]], "asset": [deal["id"]]}
    names = (await caller.made("/internal/names", wanted))["names"]
    assert names == {deal["owner_id"]: "Rob", deal["id"]: "Big one"}
