"""Webhooks taken in through the gateway while no relay runs: as if the log were down. Stored, answered, then read.

One signed event a request (Standard Webhooks), and HubSpot's batches of a hundred. Yardstick: a bare handler
that checks the same signature and inserts the raw body and one row beside it in a transaction.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from gateway.background import reader
from onefunnel.persistence.urls import url_of
from onefunnel.profiles.clients import DirectClient
from onefunnel.runtime import Header, ServiceClient
from tests.bench.harness import Figure, load, measure, percentiles, verdict
from tests.bench.inside import Inside, inside

REQUESTS, CLIENTS, BATCHES, BATCH = 960, 32, 24, 100
BATCH_CLIENTS = 8  # the vendor has at most ten under way
FLOOR_SINGLE, AIM_SINGLE = 1_000, 2_000
FLOOR_BATCHED, AIM_BATCHED = 10_000, 20_000
AIM_MS = 100.0
SECRET = "the client secret of an app"
PUBLIC = "https://bench.example"

_numbers = count(1)

Ask = Callable[[], Awaitable[None]]


class Crm:
    """One connection as its CRM sees it."""

    def __init__(self, client: ServiceClient, made: dict[str, Any]) -> None:
        self.client = client
        self.path = "/v1/webhooks/" + made["url"].partition("/v1/webhooks/")[2]
        self.secret = made["secret"] or SECRET
        self.took_ms: list[float] = []

    async def single(self) -> None:
        """Send one event, signed as Standard Webhooks are."""
        n = next(_numbers)
        data = {"id": f"D-{n}", "amount": "48250.50", "currency": "EUR", "stage": "proposal"}
        content = {"type": "deal.updated", "timestamp": "2026-11-17T09:30:00Z", "data": data}
        body, id_, stamp = orjson.dumps(content), f"msg_{n}", str(int(time.time()))
        signature = "v1," + _signed(_key(self.secret), f"{id_}.{stamp}.".encode() + body)
        await self._post(
            body,
            [
                (b"webhook-id", id_.encode()),
                (b"webhook-timestamp", stamp.encode()),
                (b"webhook-signature", signature.encode()),
            ],
        )

    async def batch(self) -> None:
        """Send a hundred events, signed as HubSpot signs."""
        stamp = str(int(time.time() * 1000))
        body = orjson.dumps([_event(next(_numbers), int(stamp)) for _ in range(BATCH)])
        message = f"POST{PUBLIC}{self.path}".encode() + body + stamp.encode()
        await self._post(
            body,
            [
                (b"x-hubspot-request-timestamp", stamp.encode()),
                (b"x-hubspot-signature-v3", _signed(SECRET.encode(), message).encode()),
            ],
        )

    async def _post(self, body: bytes, signed: list[Header]) -> None:
        headers = [
            (b"host", b"bench"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *signed,
        ]
        began = time.perf_counter()
        answer = await self.client.request("POST", self.path, query="", headers=headers, body=body)
        self.took_ms.append((time.perf_counter() - began) * 1_000)
        assert answer.status == 200, answer.body


def _event(n: int, at: int) -> dict[str, Any]:
    return {
        "eventId": n, "subscriptionId": 1, "portalId": 44012345, "appId": 1, "occurredAt": at,
        "subscriptionType": "deal.propertyChange", "attemptNumber": 0, "objectId": 1_000_000 + n,
        "propertyName": "amount", "propertyValue": "48250.50",
    }  # fmt: skip


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def _signed(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def at_once(ask: Ask, times: int, clients: int, each: int = 1) -> Callable[[], Awaitable[int]]:
    """Return the work of a round: `times` requests of `each` events, from so many clients."""

    async def some() -> None:
        for _ in range(times // clients):
            await ask()

    async def work() -> int:
        await asyncio.gather(*(some() for _ in range(clients)))
        return times * each

    return work


async def connected(stack: Inside, provider: str, **more: Any) -> Crm:
    """Connect a CRM."""
    body = orjson.dumps({"provider": provider, "name": "bench", "public_url": PUBLIC, **more})
    client = stack.client("gateway")
    made = await client.request(
        "POST", "/v1/connections", query="", headers=stack.headers(), body=body
    )
    assert made.status == 201, made.body
    return Crm(client, orjson.loads(made.body))


async def bare_app(pool: "asyncpg.Pool[asyncpg.Record]", key: bytes) -> FastAPI:
    """Return the yardstick: a signature and two inserts in one transaction, and nothing else."""
    async with pool.acquire() as connection:
        await connection.execute(
            "CREATE TABLE bare_delivery (id TEXT PRIMARY KEY, body BYTEA);"
            "CREATE TABLE bare_event (id BIGINT GENERATED ALWAYS AS IDENTITY, body BYTEA)"
        )
    app = FastAPI()

    @app.post("/v1/webhooks/bare/x")
    async def take(request: Request) -> Response:
        body, given = await request.body(), request.headers
        message = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + body
        assert hmac.compare_digest(given["webhook-signature"], "v1," + _signed(key, message))
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO bare_delivery VALUES ($1, $2)", given["webhook-id"], body
            )
            await connection.execute("INSERT INTO bare_event (body) VALUES ($1)", body)
        return Response(b"{}")

    return app


async def reading(stack: Inside, batched: Crm) -> Figure:
    """Return how fast a worker reads what was stored: changes, keys, mapping, events, all in the outbox."""
    reads = reader(stack.runtime)
    send = at_once(batched.batch, BATCHES, BATCH_CLIENTS, BATCH)

    async def read() -> int:
        while await reads.turn():
            pass
        return BATCHES * BATCH

    await read()  # what the rounds before have left

    async def before() -> None:
        await send()

    return await measure("read afterwards, events", read, server_pid=stack.pid, before=before)


async def measured(stack: Inside) -> tuple[list[Figure], float]:
    """Return the figures of single and batched deliveries, of the yardstick and of reading; the p99 of single ones."""
    single = await connected(stack, "standard")
    batched = await connected(stack, "hubspot", secret=SECRET)
    pool = await asyncpg.create_pool(
        url_of(stack.server.url(""), "postgres"), min_size=8, max_size=8
    )
    bare_client = DirectClient(lambda: bare)
    bare = await bare_app(pool, _key(single.secret))
    yard = Crm(bare_client, {"url": "/v1/webhooks/bare/x", "secret": single.secret})
    pid = stack.pid
    ones = await measure(
        "one signed event a request", at_once(single.single, REQUESTS, CLIENTS), server_pid=pid
    )
    hundreds = await measure(
        "HubSpot's batches, events",
        at_once(batched.batch, BATCHES, BATCH_CLIENTS, BATCH),
        server_pid=pid,
    )
    yardstick = await measure(
        "bare handler: signature, two inserts",
        at_once(yard.single, REQUESTS, CLIENTS),
        server_pid=pid,
    )
    await pool.close()
    afterwards = await reading(stack, batched)
    return [ones, hundreds, yardstick, afterwards], percentiles(single.took_ms)[1]


async def run() -> str:
    """Return the figures as text."""
    async with inside() as stack:
        figures, p99_ms = await measured(stack)
    ones, hundreds, bare, _ = figures
    single = verdict(ones.per_second, floor=FLOOR_SINGLE, aim=AIM_SINGLE)
    batched = verdict(hundreds.per_second, floor=FLOOR_BATCHED, aim=AIM_BATCHED)
    late = verdict(p99_ms, floor=2 * AIM_MS, aim=AIM_MS)
    return (
        f"\nwebhooks, with nothing that carries them to the log ({load()})\n"
        + "".join(f"  {figure}\n" for figure in figures)
        + f"  single: {ones.per_second / bare.per_second:.2f} × the bare handler; "
        f"floor {FLOOR_SINGLE:,}/s, aim {AIM_SINGLE:,}/s: {single}\n"
        f"  batched: floor {FLOOR_BATCHED:,}/s, aim {AIM_BATCHED:,}/s: {batched}\n"
        f"  p99 answer of a single one {p99_ms:.0f} ms with {CLIENTS} at once; "
        f"aim {AIM_MS:.0f} ms: {late}"
    )
