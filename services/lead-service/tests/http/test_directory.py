"""People, accounts, products, campaigns, funnels and the tenant over HTTP."""

from typing import Any

import pytest

BODIES: dict[str, dict[str, Any]] = {
    "/v1/people": {"name": "Ada", "kind": "rep", "email": "ada@example.org"},
    "/v1/accounts": {"name": "ACME", "segment": "smb"},
    "/v1/products": {"name": "GTX", "list_minor": 5_000, "currency": "EUR"},
    "/v1/campaigns": {"name": "Fair", "channel": "event", "starts_on": "2026-01-01"},
}


@pytest.mark.parametrize("path", BODIES)
async def test_a_record_is_made_read_listed_changed_and_found(caller: Any, path: str) -> None:
    body = BODIES[path] | {"external": {"source": "erp", "id": "1"}}
    made = await caller.post(path, body)
    assert made.status_code == 201
    again = await caller.post(path, body)
    assert (again.status_code, again.json()) == (200, made.json())
    assert (await caller.post(path, body | {"name": "Other"})).status_code == 409
    one = f"{path}/{made.json()['id']}"
    assert (await caller.get(one)).json() == made.json()
    assert (await caller.get(f"{path}?external.source=erp&external.id=1")).json()["items"] == [
        made.json()
    ]
    changed = await caller.send("PATCH", one, {"name": "New"}, If_Match='"1"')
    assert changed.json() == made.json() | {"name": "New", "version": 2}
    assert len(await caller.events()) == 3  # a name is no event
    assert (await caller.send("PATCH", one, {"name": None}, If_Match='"2"')).status_code == 422


async def test_lists_are_ordered_by_name_over_pages(caller: Any) -> None:
    for name in ("c", "a", "B", "d"):
        await caller.made("/v1/accounts", {"name": name})
    first = (await caller.get("/v1/accounts?limit=3")).json()
    rest = (await caller.get(f"/v1/accounts?limit=3&cursor={first['next_cursor']}")).json()
    assert [a["name"] for a in first["items"] + rest["items"]] == ["B", "a", "c", "d"]


async def test_a_circle_of_managers_is_refused_over_people(caller: Any) -> None:
    ada = await caller.made("/v1/people", {"name": "Ada", "kind": "manager"})
    bob = await caller.made(
        "/v1/people", {"name": "Bob", "kind": "rep", "memberships": [{"manager": ada["id"]}]}
    )
    before = await caller.state()
    body = {"memberships": [{"manager": bob["id"], "from": "2026-01-01"}]}
    answer = await caller.send("PATCH", f"/v1/people/{ada['id']}", body, If_Match='"1"')
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/memberships/0/manager"
    assert await caller.state() == before


async def test_an_unknown_manager_is_refused_with_the_place(caller: Any) -> None:
    body = {"name": "Bob", "kind": "rep", "memberships": [{"manager": {"source": "x", "id": "y"}}]}
    answer = await caller.post("/v1/people", body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "unknown-reference"
    assert answer.json()["errors"][0]["pointer"] == "/memberships/0/manager"


async def test_spend_is_entered_and_taken_back_once(caller: Any) -> None:
    campaign = await caller.made("/v1/campaigns", {"name": "Fair"})
    path = f"/v1/campaigns/{campaign['id']}/spend"
    body = {"on": "2026-03-01", "amount": {"amount_minor": 700, "currency": "EUR"}}
    entry = await caller.made(path, body)
    reversal = await caller.made(path, {"reverses": entry["id"]})
    assert reversal["amount"]["amount_minor"] == -700
    assert (await caller.post(path, {"reverses": entry["id"]})).status_code == 409
    assert (await caller.post(path, {"reverses": reversal["id"]})).status_code == 422
    assert (await caller.get(path)).json()["items"] == [entry, reversal]
    amounts = [e["data"]["amount"]["amount_minor"] for e in (await caller.events())[-2:]]
    assert amounts == [700, -700]


async def test_negative_spend_is_refused(caller: Any) -> None:
    campaign = await caller.made("/v1/campaigns", {"name": "Fair"})
    body = {"on": "2026-03-01", "amount": {"amount_minor": -1, "currency": "EUR"}}
    assert (await caller.post(f"/v1/campaigns/{campaign['id']}/spend", body)).status_code == 422


async def test_a_version_lacking_an_owner_is_kept_but_not_activated(caller: Any) -> None:
    steps = [
        {"key": "lead", "entity": "lead", "owner": "marketing", "entry": "lead.captured"},
        {"key": "demo", "entity": "deal", "entry": "deal.stage_changed"},
    ]
    made = await caller.made("/v1/funnels", {"funnel": "rebuy", "steps": steps})
    assert made["versions"][0]["activated_at"] is None
    answer = await caller.post("/v1/funnels/rebuy/versions/1/activate", None)
    assert answer.status_code == 409
    assert "demo" in answer.json()["detail"]
    assert "funnel.activated" not in (await caller.types())[2:]


async def test_an_activated_version_decides_which_steps_there_are(caller: Any) -> None:
    steps = [
        {"key": "demo", "entity": "deal", "owner": "sales", "entry": "deal.stage_changed"},
        {"key": "won", "entity": "deal", "owner": "sales", "entry": "deal.won"},
    ]
    await caller.made("/v1/funnels", {"funnel": "rebuy", "steps": steps})
    active = await caller.made("/v1/funnels/rebuy/versions/1/activate", None)
    assert active["active"] == 1
    deal = await caller.made("/v1/deals", {"funnel": "rebuy"})
    assert deal["stage"] == "demo"
    answer = await caller.post("/v1/deals", {"funnel": "rebuy", "stage": "discovery"})
    assert answer.status_code == 422
    assert "demo" in answer.json()["detail"]


async def test_an_unknown_funnel_is_an_unknown_reference(caller: Any) -> None:
    answer = await caller.post("/v1/leads", {"funnel": "nope"})
    assert answer.json()["code"] == "unknown-reference"


async def test_setting_a_tenant_up_again_changes_nothing(caller: Any) -> None:
    before = await caller.state()
    body = {"time_zone": "Europe/Berlin", "currency": "EUR", "fiscal_year_start": 1}
    assert (await caller.send("PUT", "/internal/tenant", body)).status_code == 200
    assert await caller.state() == before


async def test_a_tenants_calendar_is_changed_and_published(caller: Any) -> None:
    answer = await caller.send("PATCH", "/v1/tenant", {"fiscal_year_start": 4}, If_Match='"1"')
    assert answer.status_code == 200
    assert answer.json() == (await caller.get("/v1/tenant")).json()
    assert (await caller.events())[-1]["data"]["fiscal_year_start"] == 4


@pytest.mark.parametrize("body", [{"time_zone": "Mars/Base"}, {"currency": "XXX"}])
async def test_a_zone_or_currency_that_does_not_exist_is_refused(caller: Any, body: Any) -> None:
    answer = await caller.send("PATCH", "/v1/tenant", body, If_Match='"1"')
    assert answer.status_code == 422


async def test_a_tenant_that_is_not_set_up_says_so(caller: Any) -> None:
    caller.tenant_id = type(caller.tenant_id)(int=7)
    answer = await caller.post("/v1/deals", {})
    assert answer.status_code == 409
    assert "not set up" in answer.json()["detail"]


async def test_the_outbox_says_how_much_waits(caller: Any) -> None:
    status = (await caller.get("/internal/status")).json()
    assert status["outbox"]["depth"] == 2
    assert status["outbox"]["oldest_age_s"] >= 0
