"""`POST /v1/leads` with everything (validation, tenant, idempotency, outbox) against a bare handler.

Yardstick: a bare FastAPI + asyncpg handler that inserts the same lead and one event in a transaction.
Both are called directly, 32 requests at a time.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import orjson
from fastapi import FastAPI
from pydantic import BaseModel, SecretStr

from lead_service.main import build
from onefunnel.clock import SystemClock
from onefunnel.http.principal import Principal, sign_principal
from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.urls import url_of
from onefunnel.profiles import embedded
from onefunnel.profiles.clients import DirectClient
from onefunnel.reach import EVERYTHING
from onefunnel.runtime import ServiceClient
from tests.bench.harness import Figure, measure

KEY = b"bench-key"
REQUESTS, CLIENTS = 2_000, 32
SETTINGS = ("max_connections=100", "shared_buffers=128MB", "jit=off")


class BareLead(BaseModel):
    """The same fields, checked by nothing but pydantic."""

    source: str
    captured_at: str
    name: str


async def bare_app(pool: "asyncpg.Pool[asyncpg.Record]") -> FastAPI:
    """Return the yardstick: two inserts in one transaction, and nothing else."""
    async with pool.acquire() as connection:
        await connection.execute(
            "CREATE TABLE bare_lead (id UUID PRIMARY KEY, name TEXT, source TEXT)"
        )
        await connection.execute(
            "CREATE TABLE bare_event (id BIGINT GENERATED ALWAYS AS IDENTITY, body BYTEA)"
        )
    app = FastAPI()

    @app.post("/v1/leads", status_code=201)
    async def capture(lead: BareLead) -> dict[str, str]:
        lead_id = uuid4()
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO bare_lead VALUES ($1, $2, $3)", lead_id, lead.name, lead.source
            )
            await connection.execute(
                "INSERT INTO bare_event (body) VALUES ($1)", lead.model_dump_json().encode()
            )
        return {"id": str(lead_id)}

    return app


def poster(client: ServiceClient, signature: str) -> Callable[[], Awaitable[int]]:
    """Return the work of one round: REQUESTS leads from CLIENTS clients."""
    body = orjson.dumps(
        {"source": "webinar", "captured_at": "2026-03-01T09:00:00Z", "name": "Ada Example"}
    )

    async def one() -> None:
        headers = [
            (b"host", b"lead"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"onefunnel-principal", signature.encode()),
            (b"idempotency-key", str(uuid4()).encode()),
        ]
        answer = await client.request("POST", "/v1/leads", query="", headers=headers, body=body)
        assert answer.status == 201, answer.body

    async def some() -> None:
        for _ in range(REQUESTS // CLIENTS):
            await one()

    async def work() -> int:
        await asyncio.gather(*(some() for _ in range(CLIENTS)))
        return REQUESTS

    return work


async def measured(server: LocalServer) -> tuple[Figure, Figure]:
    """Return the figures of lead-service and of the bare handler, taken one after the other."""
    settings = embedded.Settings(database_url=server.url(""), internal_key=SecretStr(KEY.decode()))
    await embedded.migrate(settings, ["lead_service"])
    runtime = embedded.open_runtime(settings, part="web", checks=["lead"], apps={})
    app = build(runtime).app
    principal = Principal(uuid4(), "bench", "admin", None, EVERYTHING)
    signature = sign_principal(principal, KEY, SystemClock().now())
    pool = await asyncpg.create_pool(url_of(server.url(""), "postgres"), min_size=8, max_size=8)
    ours, bare = DirectClient(lambda: app), await bare_app(pool)
    await ours.request(
        "PUT",
        "/internal/tenant",
        query="",
        headers=[
            (b"host", b"lead"),
            (b"content-type", b"application/json"),
            (b"onefunnel-principal", signature.encode()),
        ],
        body=orjson.dumps({"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}),
    )
    pid = server.pid()
    assert pid
    figure = await measure("POST /v1/leads, lead-service", poster(ours, signature), server_pid=pid)
    yardstick = await measure(
        "the same, bare handler with two inserts",
        poster(DirectClient(lambda: bare), signature),
        server_pid=pid,
    )
    await pool.close()
    await runtime.close()
    return figure, yardstick


async def run() -> str:
    """Return the figures as text."""
    with tempfile.TemporaryDirectory() as directory:
        server = LocalServer(Path(directory) / "postgres")
        server.initialise()
        server.start(SETTINGS)
        try:
            ours, bare = await measured(server)
        finally:
            server.stop()
    ratio = ours.per_second / bare.per_second
    return f"\nintake\n  {ours}\n  {bare}\n  ratio {ratio:.2f} ×   floor 0.60, aim 0.90"
