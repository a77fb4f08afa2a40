"""What the gateway adds to a request in the embedded default: the same GET through it and without it."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import orjson
from starlette.types import Receive, Scope, Send

from onefunnel.clock import SystemClock
from onefunnel.http.principal import Principal, sign_principal
from onefunnel.reach import EVERYTHING
from onefunnel.runtime import Header, ServiceClient
from tests.bench.harness import load, postgres_cpu, verdict
from tests.bench.inside import INTERNAL_KEY, Inside, inside

ROUNDS, BLOCKS, REQUESTS = (
    5,
    20,
    50,
)  # blocks of requests by turns, so that both see the same machine
FLOOR_US, AIM_US = 100.0, 60.0

Ask = Callable[[], Awaitable[None]]
Costs = tuple[float, float]  # µs of a request: Python's and PostgreSQL's


async def run() -> str:
    """Return what the gateway adds to a request, to one that is answered at once and to a real one."""
    async with inside() as stack:
        path, tenant = await _lead(stack)
        service, through, real = await _compared(_asks(stack, path, tenant), stack.pid)
        stack.apps["lead"] = _at_once  # no waiting in between, so nothing but the hop is measured
        _, _, added = await _compared(_asks(stack, path, tenant), stack.pid)
    goal = verdict(added, floor=FLOOR_US, aim=AIM_US)
    return (
        f"\ngateway_hop ({load()})\n"
        f"  GET of a lead through the gateway  {_line(through)}\n"
        f"  the same at lead-service alone     {_line(service)}, {real:+.0f} µs Python\n"
        f"  added to a service that answers at once: {added:.0f} µs CPU"
        f"   floor +100 µs, aim +60 µs: {goal}"
    )


def _asks(stack: Inside, path: str, tenant: Principal) -> tuple[Ask, Ask]:
    """Return the two ways to ask, signed now: a signature does not live for a whole run."""
    signature = sign_principal(tenant, INTERNAL_KEY.encode(), SystemClock().now()).encode()
    alone = [(b"host", b"lead"), (b"onefunnel-principal", signature)]
    return (
        _asking(stack.client("lead"), path, alone),
        _asking(stack.client("gateway"), path, stack.headers()),
    )


async def _compared(asks: Sequence[Ask], server_pid: int) -> tuple[Costs, Costs, float]:
    """Return the median costs of both ways and the median of what the second adds in Python."""
    await _round(asks, server_pid)  # what is made at the first request is no part of the figure
    rounds = [await _round(asks, server_pid) for _ in range(ROUNDS)]
    first, second = (
        (statistics.median(r[n][0] for r in rounds), statistics.median(r[n][1] for r in rounds))
        for n in (0, 1)
    )
    return first, second, statistics.median(r[1][0] - r[0][0] for r in rounds)


async def _at_once(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"512")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 512})


def _line(figure: Costs) -> str:
    return f"{sum(figure):8.1f} µs CPU ({figure[0]:.1f} Python + {figure[1]:.1f} PostgreSQL)"


async def _lead(stack: Inside) -> tuple[str, Principal]:
    """Capture a lead; return its path and whom lead-service believes in."""
    me = await stack.client("gateway").request(
        "GET", "/v1/me", query="", headers=stack.headers(), body=b""
    )
    tenant = Principal(orjson.loads(me.body)["tenant"]["id"], "bench", "admin", None, EVERYTHING)
    body = {"source": "webinar", "captured_at": "2026-03-01T09:00:00Z", "name": "Ada Example"}
    made = await stack.client("gateway").request(
        "POST", "/v1/leads", query="", headers=stack.headers(), body=orjson.dumps(body)
    )
    assert made.status == 201, made.body
    return f"/v1/leads/{orjson.loads(made.body)['id']}", tenant


def _asking(client: ServiceClient, path: str, headers: list[Header]) -> Ask:
    async def ask() -> None:
        answer = await client.request("GET", path, query="", headers=headers, body=b"")
        assert answer.status == 200, answer.body

    return ask


async def _round(asks: Sequence[Ask], server_pid: int) -> list[Costs]:
    """Return for each way of asking the µs of a request: Python's and PostgreSQL's."""
    python, postgres = [0.0] * len(asks), [0.0] * len(asks)
    for _ in range(BLOCKS):
        for which, ask in enumerate(asks):
            database = postgres_cpu(server_pid)
            before = time.process_time()
            for _ in range(REQUESTS):
                await ask()
            python[which] += time.process_time() - before
            postgres[which] += postgres_cpu(server_pid) - database
    each = BLOCKS * REQUESTS / 1e6
    return [(p / each, d / each) for p, d in zip(python, postgres, strict=True)]
