"""A request that is cut off at any wait leaves nothing to the next tenant, who gets its very connection."""

import pytest

from onefunnel.ids import new_id
from onefunnel.testing.cutting import cut_off
from onefunnel.testing.waiting import until

from .conftest import ADJUSTMENTS
from .test_adjustments import ONE, OTHER, amount
from .test_pay_commands import PLANS, plan

OPEN = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"""
# Less than the server allows an idle transaction: it would end a forgotten one for us.
ENDED_S = 3


@pytest.fixture
def pool_size():
    return 1


async def activate(_metrics):
    return "POST", PLANS, plan()


async def propose(_metrics):
    return "POST", ADJUSTMENTS, amount()


async def approve(metrics):
    made = await metrics.post(ADJUSTMENTS, amount(), by=ONE)
    return "POST", f"{ADJUSTMENTS}/{made['id']}/approve", None


async def read_plans(_metrics):
    return "GET", f"{PLANS}?limit=200", None


async def read_statement(_metrics):
    return "GET", f"/v1/compensation/statements?payee={new_id()}&period=2026-01", None


async def read_numbers(_metrics):
    return "GET", "/v1/sales-performance?group_by=person", None


@pytest.mark.parametrize(
    "route", [activate, propose, approve, read_plans, read_statement, read_numbers]
)
async def test_a_request_cut_off_at_any_wait_leaves_nothing_to_the_next_tenant(metrics, route):
    await metrics.begin()
    other, mine = new_id(), set()
    async with metrics.client(person=OTHER) as one, metrics.client(tenant=other) as another:

        async def ask(n):
            method, path, body = await route(metrics)
            return await cut_off(one.request(method, path, json=body), n)

        async def ended():
            return await metrics.owner.fetchval(OPEN) == 0

        waits = await ask(0)
        assert waits > 3
        for n in range(1, waits + 1):
            await ask(n)
            await until(ended, limit_s=ENDED_S)

            made = await another.post(PLANS, json=plan())

            assert made.status_code == 201, made.text
            mine.add(made.json()["plan_id"])
            question = "SELECT tenant_id FROM pay_plan WHERE id = $1"
            assert await metrics.owner.fetchval(question, made.json()["plan_id"]) == other, n
            page = (await another.get(f"{PLANS}?limit=200")).json()
            assert {item["plan_id"] for item in page["items"]} == mine, n
