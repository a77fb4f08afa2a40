"""A request that is cut off at any wait leaves nothing to the next tenant, who gets its very connection."""

from dataclasses import replace

import asyncpg
import pytest

from onefunnel.ids import new_id
from onefunnel.testing.cutting import cut_off
from onefunnel.testing.waiting import until

OPEN = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"""
# Less than the server allows an idle transaction: it would end a forgotten one for us.
ENDED_S = 3
AT = "2026-11-20T09:00:00Z"


@pytest.fixture
def pool_size():
    return 1


@pytest.fixture
async def owner(database):
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


def somebody():
    """Return a lead's data; nobody who is erased comes back."""
    return {"source": "web", "name": "Ada", "email": f"{new_id()}@example.com"}


async def new_lead(caller):
    return (await caller.made("/v1/leads", somebody()))["id"]


async def capture(_caller):
    return "POST", "/v1/leads", somebody(), {"idempotency_key": str(new_id())}


async def correct(caller):
    return "PATCH", f"/v1/leads/{await new_lead(caller)}", {"name": "Eve"}, {"if_match": '"1"'}


async def read(caller):
    return "GET", f"/v1/leads/{await new_lead(caller)}/timeline", None, {}


async def list_all(_caller):
    return "GET", "/v1/leads?limit=200", None, {}


async def win(caller):
    deal = await caller.made("/v1/deals", {"amount": {"amount_minor": 5, "currency": "EUR"}})
    lines = [{"id": "1", "quantity": "1", "revenue_minor": 5}]
    return "POST", f"/v1/deals/{deal['id']}/win", {"at": AT, "lines": lines}, {}


async def take_in(_caller):
    external = {"source": "crm", "id": str(new_id())}
    item = {"do": "lead.capture", "external": external, **somebody()}
    return "POST", "/v1/batches", {"source": "crm", "items": [{"key": "1", "commands": [item]}]}, {}


async def erase(caller):
    body = {"kind": "lead", "subject": await new_lead(caller)}
    asked = await replace(caller, principal="another").made("/v1/erasures", body)
    return "POST", f"/v1/erasures/{asked['id']}/approve", {}, {}


@pytest.mark.parametrize("route", [capture, correct, read, list_all, win, take_in, erase])
async def test_a_request_cut_off_at_any_wait_leaves_nothing_to_the_next_tenant(
    caller, owner, route
):
    other = replace(caller, tenant_id=new_id())
    await other.send("PUT", "/internal/tenant", {"currency": "EUR"})

    async def ended():
        return await owner.fetchval(OPEN) == 0

    method, path, body, headers = await route(caller)
    waits = await cut_off(caller.send(method, path, body, **headers), 0)
    assert waits > 3, "it was refused"
    mine = set()
    for n in range(1, waits + 1):
        method, path, body, headers = await route(caller)
        await cut_off(caller.send(method, path, body, **headers), n)
        await until(ended, limit_s=ENDED_S)

        made = await other.post("/v1/leads", {"source": "web", "name": f"after {n}"})

        assert made.status_code == 201, made.text
        mine.add(made.json()["id"])
        question = "SELECT tenant_id FROM lead WHERE id = $1"
        assert await owner.fetchval(question, made.json()["id"]) == other.tenant_id, n
        page = (await other.get("/v1/leads?limit=200")).json()
        assert {item["id"] for item in page["items"]} == mine, n
