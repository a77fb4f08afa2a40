"""What the gateway adds to a request in the embedded default: the same GET through it and without it."""

import orjson

from onefunnel.http.principal import Principal, sign_principal
from onefunnel.runtime import Header, ServiceClient
from tests.bench.harness import Figure, load, measure, verdict
from tests.bench.inside import INTERNAL_KEY, Inside, inside

REQUESTS, ROUNDS = 1_500, 5
FLOOR_US, AIM_US = 100.0, 60.0


async def run() -> str:
    """Return both figures and their difference."""
    async with inside() as stack:
        path, tenant = await _lead(stack)
        signature = sign_principal(tenant, INTERNAL_KEY.encode()).encode()
        alone = [(b"host", b"lead"), (b"onefunnel-principal", signature)]
        service = await _measured("GET of a lead, lead-service alone", stack, "lead", path, alone)
        through = await _measured(
            "the same through the gateway", stack, "gateway", path, stack.headers()
        )
    added = through.python_us + through.postgres_us - service.python_us - service.postgres_us
    goal = verdict(added, floor=FLOOR_US, aim=AIM_US)
    return (
        f"\ngateway_hop ({load()})\n  {through}\n  {service}\n  added {added:.0f} µs CPU"
        f" ({through.python_us - service.python_us:.0f} Python)   floor +100 µs, aim +60 µs: {goal}"
    )


async def _lead(stack: Inside) -> tuple[str, Principal]:
    """Capture a lead; return its path and whom lead-service believes in."""
    me = await stack.client("gateway").request(
        "GET", "/v1/me", query="", headers=stack.headers(), body=b""
    )
    tenant = Principal(orjson.loads(me.body)["tenant"]["id"], "bench", "admin")
    body = {"source": "webinar", "captured_at": "2026-03-01T09:00:00Z", "name": "Ada Example"}
    made = await stack.client("gateway").request(
        "POST", "/v1/leads", query="", headers=stack.headers(), body=orjson.dumps(body)
    )
    assert made.status == 201, made.body
    return f"/v1/leads/{orjson.loads(made.body)['id']}", tenant


async def _measured(name: str, stack: Inside, app: str, path: str, headers: list[Header]) -> Figure:
    client: ServiceClient = stack.client(app)

    async def work() -> int:
        for _ in range(REQUESTS):
            answer = await client.request("GET", path, query="", headers=headers, body=b"")
            assert answer.status == 200, answer.body
        return REQUESTS

    await work()  # what is made at the first request is no part of the figure
    return await measure(name, work, server_pid=stack.pid, rounds=ROUNDS)
