"""The shared definition over HTTP: two signatures, then it stands."""

import copy
from datetime import timedelta

import pytest

from onefunnel.ids import new_id

PATH = "/v1/definitions/mql"


async def drafted(scoring, **extra) -> int:
    async with scoring.client("marketer") as marketer:
        answer = await marketer.post(PATH, json={**scoring.document, **extra})
    assert answer.status_code == 201, answer.text
    return answer.json()["version"]


async def signed(scoring, *roles: str, **extra) -> int:
    number = await drafted(scoring, **extra)
    for role in roles:
        async with scoring.client(role) as signer:
            answer = await signer.post(f"{PATH}/{number}/sign")
            assert answer.status_code == 200, answer.text
    return number


async def activate(scoring, number: int):
    async with scoring.client("executive") as executive:
        return await executive.post(f"{PATH}/{number}/activate")


async def in_force(scoring, at=None):
    async with scoring.client("auditor") as auditor:
        return await auditor.get(PATH, params={"at": at.isoformat()} if at else {})


async def test_a_definition_signed_by_both_sides_comes_into_force_and_is_published(scoring):
    person = new_id()
    number = await drafted(scoring)
    async with scoring.client("marketer", person=person) as marketer:
        assert (await marketer.post(f"{PATH}/{number}/sign")).status_code == 200
    async with scoring.client("rep") as rep:
        assert (await rep.post(f"{PATH}/{number}/sign")).status_code == 200
    answer = await activate(scoring, number)
    assert answer.status_code == 200
    found = (await in_force(scoring)).json()
    assert (found["version"], found["status"]) == (1, "active")
    assert found["signatures"]["marketing"]["person_id"] == str(person)
    assert found["signatures"]["sales"]["principal_id"] == "key:rep:None"
    assert found["fit"]["rules"][0] == scoring.document["fit"]["rules"][0]
    [(envelope, event)] = await scoring.published()
    assert str(envelope.id) == answer.headers["Event-Id"]
    assert (event.version, event.effective_from, envelope.sequence) == (1, scoring.clock.at, "1")


@pytest.mark.parametrize("roles", [(), ("marketer",), ("rep",), ("manager",)])
async def test_activation_without_both_signatures_is_a_conflict_and_changes_nothing(scoring, roles):
    number = await signed(scoring, *roles)
    answer = await activate(scoring, number)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await in_force(scoring)).status_code == 404
    assert await scoring.outbox() == []


@pytest.mark.parametrize("role", ["executive", "admin", "auditor", "integration", "comp_admin"])
async def test_only_marketing_and_sales_sign(scoring, role):
    number = await drafted(scoring)
    async with scoring.client(role) as other:
        assert (await other.post(f"{PATH}/{number}/sign")).status_code == 403


async def test_a_person_does_not_sign_for_both_sides(scoring):
    person, number = new_id(), await drafted(scoring)
    async with scoring.client("marketer", person=person) as one:
        await one.post(f"{PATH}/{number}/sign")
    async with scoring.client("manager", person=person) as same:
        assert (await same.post(f"{PATH}/{number}/sign")).status_code == 409


async def test_an_active_version_is_immutable(scoring):
    number = await signed(scoring, "marketer", "rep")
    await activate(scoring, number)
    assert (await activate(scoring, number)).status_code == 409
    async with scoring.client("manager") as manager:
        assert (await manager.post(f"{PATH}/{number}/sign")).status_code == 409


async def test_the_definition_of_a_past_instant_is_the_one_in_force_then(scoring):
    past = (scoring.clock.at - timedelta(days=100)).isoformat()
    await activate(scoring, await signed(scoring, "marketer", "rep", effective_from=past))
    later = (scoring.clock.at + timedelta(days=10)).isoformat()
    await activate(scoring, await signed(scoring, "marketer", "rep", effective_from=later))
    found = [
        await in_force(scoring, scoring.clock.at + timedelta(days=d)) for d in (-101, -100, 9, 10)
    ]
    assert [answer.status_code for answer in found] == [404, 200, 200, 200]
    assert [answer.json().get("version") for answer in found] == [None, 1, 1, 2]


async def test_a_second_version_cannot_begin_in_the_past(scoring):
    await activate(scoring, await signed(scoring, "marketer", "rep"))
    past = (scoring.clock.at - timedelta(days=1)).isoformat()
    answer = await activate(scoring, await signed(scoring, "marketer", "rep", effective_from=past))
    assert (answer.status_code, answer.json()["code"]) == (422, "business-rule-violated")


async def test_versions_are_listed_newest_first_page_by_page(scoring):
    for _ in range(3):
        await drafted(scoring)
    async with scoring.client("marketer") as marketer:
        first = (await marketer.get(f"{PATH}/versions", params={"limit": 2})).json()
        rest = await marketer.get(
            f"{PATH}/versions", params={"limit": 2, "cursor": first["next_cursor"]}
        )
        assert [v["version"] for v in first["items"]] == [3, 2]
        assert [v["version"] for v in rest.json()["items"]] == [1]
        assert (await marketer.get(f"{PATH}/2")).json()["status"] == "draft"
        assert (await marketer.get(f"{PATH}/9")).status_code == 404


async def test_a_definition_with_a_mistake_is_refused_with_the_place(scoring):
    broken = copy.deepcopy(scoring.document)
    broken["fit"]["rules"][0]["points"] = 2.5
    async with scoring.client("marketer") as marketer:
        answer = await marketer.post(PATH, json=broken)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/fit/rules/0/points"


async def test_a_tenant_has_its_own_definition(scoring):
    await activate(scoring, await signed(scoring, "marketer", "rep"))
    async with scoring.client("marketer", tenant=new_id()) as stranger:
        assert (await stranger.get(PATH)).status_code == 404
        assert (await stranger.get(f"{PATH}/1")).status_code == 404
        assert (await stranger.post(f"{PATH}/1/sign")).status_code == 404
        assert (await stranger.get(f"{PATH}/versions")).json()["items"] == []
        assert (await stranger.post(PATH, json=scoring.document)).json()["version"] == 1
