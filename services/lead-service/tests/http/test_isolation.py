"""A tenant sees, names and changes nothing of another one."""

from dataclasses import replace
from typing import Any

import pytest_asyncio

from onefunnel.ids import new_id


@pytest_asyncio.fixture
async def stranger(caller: Any) -> Any:
    other = replace(caller, tenant_id=new_id())
    await other.send("PUT", "/internal/tenant", {"currency": "EUR"})
    return other


async def test_a_foreign_id_and_a_missing_id_answer_alike(caller: Any, stranger: Any) -> None:
    person = await caller.made("/v1/people", {"name": "Ada", "kind": "rep"})
    lead = await caller.made("/v1/leads", {"name": "Eve"})
    deal = await caller.made("/v1/deals", {})
    for path in (
        f"/v1/people/{person['id']}",
        f"/v1/leads/{lead['id']}",
        f"/v1/leads/{lead['id']}/timeline",
        f"/v1/deals/{deal['id']}",
        f"/v1/deals/{deal['id']}/timeline",
    ):
        foreign = await stranger.get(path)
        missing = await stranger.get(path.replace(path.split("/")[3], str(new_id())))
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["detail"] == missing.json()["detail"]


async def test_a_stranger_changes_and_refers_to_nothing(caller: Any, stranger: Any) -> None:
    person = await caller.made("/v1/people", {"name": "Ada", "kind": "rep"})
    lead = await caller.made("/v1/leads", {"name": "Eve"})
    deal = await caller.made("/v1/deals", {})
    before = await caller.state()
    for path, body, status in (
        (f"/v1/leads/{lead['id']}/disqualify", {"reason": "x"}, 404),
        (f"/v1/deals/{deal['id']}/win", {"lines": [], "credits": []}, 404),
        ("/v1/leads", {"owner": person["id"]}, 422),
        ("/v1/deals", {"lead": lead["id"]}, 422),
        ("/v1/activities", {"deal": deal["id"], "kind": "call"}, 422),
    ):
        answer = await stranger.post(path, body)
        assert answer.status_code == status, (path, answer.text)
    assert await caller.state() == before


async def test_the_same_outside_name_is_two_things_in_two_tenants(
    caller: Any, stranger: Any
) -> None:
    body = {"external": {"source": "crm", "id": "1"}, "name": "Eve"}
    mine, theirs = await caller.made("/v1/leads", body), await stranger.made("/v1/leads", body)
    assert mine["id"] != theirs["id"]
    assert [one["id"] for one in (await stranger.get("/v1/leads")).json()["items"]] == [
        theirs["id"]
    ]


async def test_names_of_another_tenant_are_not_told(caller: Any, stranger: Any) -> None:
    person = await caller.made("/v1/people", {"name": "Ada", "kind": "rep"})
    names = await stranger.made("/internal/names", {"person": [person["id"]]})
    assert names == {"names": {}}


async def test_a_row_imported_by_one_tenant_is_new_to_another(caller: Any, stranger: Any) -> None:
    command = {"do": "account.put", "external": {"source": "crm", "id": "1"}, "name": "ACME"}
    body = {"source": "crm", "items": [{"key": "1", "commands": [command]}]}
    for one in (caller, stranger):
        assert (await one.made("/v1/batches", body))["items"][0]["status"] == "created"
