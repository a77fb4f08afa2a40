"""A lead's score over HTTP: explained, as of an instant, from attributes without names."""

from datetime import timedelta
from decimal import Decimal

import pytest

from onefunnel.events.lead import TouchRecorded
from onefunnel.ids import new_id


async def read(scoring, lead, **params):
    async with scoring.client("marketer") as marketer:
        return await marketer.get(f"/v1/leads/{lead}/score", params=params)


async def set_attributes(scoring, lead, attributes):
    async with scoring.client("admin") as admin:
        return await admin.post(f"/v1/leads/{lead}/attributes", json={"attributes": attributes})


async def webinar(scoring, lead, days_ago: float = 0) -> None:
    at = scoring.clock.at - timedelta(days=days_ago)
    await scoring.hear(
        TouchRecorded(
            lead_id=lead, touch_id=new_id(), touched_at=at, side="marketing", channel="webinar"
        )
    )


async def test_the_reasons_sum_exactly_to_the_score(scoring):
    lead = new_id()
    await scoring.agree()
    await set_attributes(scoring, lead, {"employees": 300, "role": "it_director"})
    for days_ago in (0, 3, 7, 20):
        await webinar(scoring, lead, days_ago)
    found = (await read(scoring, lead)).json()
    for dimension in ("fit", "engagement"):
        points = [Decimal(r["points"]) for r in found["reasons"] if r["dimension"] == dimension]
        assert sum(points) == Decimal(found[dimension])
    assert found["grade"] == "B1"
    assert found["cools_in_days"] is not None


async def test_one_half_life_later_engagement_is_half_and_fit_is_unchanged(scoring):
    lead = new_id()
    await scoring.agree()
    await set_attributes(scoring, lead, {"employees": 300})
    await webinar(scoring, lead)
    later = (scoring.clock.at + timedelta(days=14)).isoformat()
    now, then = [(await read(scoring, lead, **p)).json() for p in ({}, {"as_of": later})]
    assert (now["engagement"], then["engagement"]) == ("30", "15.000000")
    assert now["fit"] == then["fit"] == "25"


async def test_a_lead_nobody_heard_of_is_not_found(scoring):
    answer = await read(scoring, new_id())
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_before_the_definition_there_was_no_score(scoring):
    lead = new_id()
    await scoring.agree()
    await webinar(scoring, lead)
    before = (scoring.clock.at - timedelta(days=400)).isoformat()
    found = (await read(scoring, lead, as_of=before)).json()
    assert (found["engagement"], found["reason"]) == (None, "no-definition-in-force")


@pytest.mark.parametrize(
    "attributes",
    [
        {"employees": 2.5},
        {"employees": "jane@example.com"},
        {"Employees": 3},
        {"note": "x" * 65},
        {"employees": 2**31},
        {"a": {"b": 1}},
        {},
        {f"a{n}": n for n in range(51)},
    ],
)
async def test_attributes_are_numbers_codes_and_yes_or_no(scoring, attributes):
    answer = await set_attributes(scoring, new_id(), attributes)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")


async def test_a_lead_has_a_limited_number_of_attributes(scoring):
    lead = new_id()
    await set_attributes(scoring, lead, {f"a{n}": n for n in range(50)})
    answer = await set_attributes(scoring, lead, {"one_more": 1})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/attributes")


async def test_attributes_are_changed_one_by_one_and_never_published(scoring):
    lead = new_id()
    await scoring.agree()
    await set_attributes(scoring, lead, {"employees": 300, "role": "CANARY", "ok": True})
    answer = await set_attributes(scoring, lead, {"employees": None})
    assert answer.json()["attributes"] == {"role": "CANARY", "ok": True}
    assert "lead.scored" in await scoring.types()
    assert not any(b"CANARY" in record for record in await scoring.outbox())


@pytest.mark.parametrize("query", ["as_of=yesterday", "as_of=2026-03-01", "colour=red", "as_of="])
async def test_a_query_that_makes_no_sense_is_refused(scoring, query):
    async with scoring.client("marketer") as marketer:
        answer = await marketer.get(f"/v1/leads/{new_id()}/score?{query}")
    assert answer.status_code == 422
