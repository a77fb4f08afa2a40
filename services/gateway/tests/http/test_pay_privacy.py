"""Pay privacy, first form: what reaches metrics-service for each role and question."""

import pytest

from gateway.main import provision_tenant
from onefunnel.ids import new_id
from onefunnel.reach import RELATIONS

from .conftest import SETTINGS

PATH = "/v1/compensation/statements"


async def ask(gateway, key: str, query: str):
    client = await gateway.client()
    return await client.get(f"{PATH}{query}", headers={"X-API-Key": key})


@pytest.mark.parametrize("role", ["rep", "marketer", "executive"])
async def test_who_looks_after_nobody_sees_their_own_pay_only(gateway, role):
    me, other = new_id(), new_id()
    key = await gateway.key_for(role, me)

    assert (await ask(gateway, key, f"?payee={me}&period=2026-Q1")).status_code == 200
    foreign = await ask(gateway, key, f"?payee={other}&period=2026-Q1")
    missing = await ask(gateway, key, f"?payee={new_id()}")
    malformed = await ask(gateway, key, "?payee=x")
    for answer in (foreign, missing, malformed):
        assert answer.status_code == 404
        assert answer.json()["detail"] == foreign.json()["detail"]
    assert [seen["query"] for seen in gateway.services.seen] == [f"payee={me}&period=2026-Q1"]


async def test_a_question_without_a_payee_is_about_the_callers_own_pay(gateway):
    me = new_id()
    key = await gateway.key_for("rep", me)
    assert (await ask(gateway, key, "?period=2026-Q1")).status_code == 200
    assert (await ask(gateway, key, "")).status_code == 200
    queries = [seen["query"] for seen in gateway.services.seen]
    assert queries == [f"period=2026-Q1&payee={me}", f"payee={me}"]


async def test_the_payee_cannot_be_named_twice_or_in_disguise(gateway):
    me, other = new_id(), new_id()
    key = await gateway.key_for("rep", me)
    for query in (
        f"?payee={me}&payee={other}",
        f"?payee={other}&payee={me}",
        f"?%70ayee={other}",
        f"?payee={str(other).upper()}",
        f"?payee={me}%00",
        f"?payee={me}%20",
    ):
        answer = await ask(gateway, key, query)
        assert answer.status_code in {400, 404}, query
    assert gateway.services.seen == []


async def test_a_key_of_no_person_sees_no_pay(gateway):
    made = await provision_tenant(gateway.runtime, "main", settings=SETTINGS)
    answer = await ask(gateway, made.keys["rep"], "")
    assert answer.status_code == 404
    assert "belongs to no person" in answer.json()["detail"]


@pytest.mark.parametrize("role", ["manager", "comp_admin", "auditor", "admin"])
async def test_questions_of_those_who_look_after_others_go_to_the_service_with_their_rights(
    gateway, role
):
    other = new_id()
    assert (
        await ask(gateway, gateway.personal.get(role) or gateway.keys[role], f"?payee={other}")
    ).status_code == 200
    (seen,) = gateway.services.seen
    may = seen["principal"].rights.may
    assert may == ({"self", "subtree"} if role == "manager" else set(RELATIONS))


async def test_an_integration_sees_no_pay(gateway):
    answer = await ask(gateway, gateway.keys["integration"], "?period=2026")
    assert answer.status_code == 403


async def test_any_other_question_that_takes_a_payee_is_held_to_the_same(gateway):
    me = new_id()
    client = await gateway.client()
    headers = {"X-API-Key": await gateway.key_for("rep", me)}
    assert (await client.get(f"/v1/forecast?payee={me}", headers=headers)).status_code == 200
    assert (await client.get(f"/v1/forecast?payee={new_id()}", headers=headers)).status_code == 404
    disguised = await client.get(f"/v1/forecast?%70ayee={new_id()}", headers=headers)
    assert disguised.status_code == 404
    assert (await client.get("/v1/forecast", headers=headers)).status_code == 200
    assert {seen["query"] for seen in gateway.services.seen} == {f"payee={me}"}
