"""The lead service on a real PostgreSQL, asked through its ASGI app."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio

from lead_service.main import build
from onefunnel.events.envelope import decode
from onefunnel.http.principal import Principal, sign_principal
from onefunnel.ids import new_id
from onefunnel.persistence.database import Database
from onefunnel.reach import EVERYTHING, Rights, Role
from onefunnel.runtime import Runtime
from onefunnel.testing.postgres import FreshDatabase
from onefunnel.wakeups import Wakeups

KEY = b"a key for tests only, 32 bytes.."
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@dataclass
class Caller:
    """A client of the service that speaks for one tenant."""

    client: httpx.AsyncClient
    database: FreshDatabase
    tenant_id: UUID
    role: Role = "admin"
    person_id: UUID | None = None
    headers: dict[str, str] = field(default_factory=dict)
    principal: str = "tester"
    rights: Rights = EVERYTHING

    async def send(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> httpx.Response:
        principal = Principal(
            self.tenant_id, self.principal, self.role, self.person_id, self.rights
        )
        content = raw if raw is not None else (None if body is None else msgspec.json.encode(body))
        sent = {"Onefunnel-Principal": sign_principal(principal, KEY, NOW), **self.headers}
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, content=content, headers=sent)

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.send("POST", path, body, **headers)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.send("GET", path, **headers)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        """Post, insist that it worked, and return the answer."""
        answer = await self.post(path, body)
        assert answer.status_code in {200, 201}, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def events(self) -> list[dict[str, Any]]:
        """Return the events of all tenants that wait in the outbox, in order."""
        return [msgspec.json.decode(record) for record in await self.records()]

    async def records(self) -> list[bytes]:
        """Return the raw records that wait in the outbox, in order."""
        rows = await self.rows("SELECT record FROM outbox ORDER BY id")
        for row in rows:
            decode(row["record"])
        return [row["record"] for row in rows]

    async def types(self) -> list[str]:
        """Return the types of the events in the outbox, without prefix and version."""
        return [
            e["type"].removeprefix("onefunnel.").removesuffix(".v1") for e in await self.events()
        ]

    async def rows(self, sql: str) -> list[Any]:
        """Read as the owner of the database, past every policy."""
        connection = await asyncpg.connect(self.database.owner_url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    async def state(self) -> dict[str, list[Any]]:
        """Return every row of every table of the service, to say that nothing changed.

        But for the audit, which also tells of what was asked and changed nothing.
        """
        tables = await self.rows(
            "SELECT table_name AS t FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_name NOT LIKE 'audit%'"
        )
        return {
            row["t"]: sorted(map(repr, await self.rows(f"SELECT * FROM {row['t']}")))
            for row in tables
        }


@pytest.fixture
def database(fresh_database: Callable[[str | None], FreshDatabase]) -> FreshDatabase:
    return fresh_database("lead_service")


@pytest.fixture
def pool_size() -> int:
    """How many connections serve requests."""
    return 8


@pytest_asyncio.fixture
async def client(
    database: FreshDatabase, open_database: Callable[..., Database], pool_size: int
) -> AsyncIterator[httpx.AsyncClient]:
    app_role = open_database(database.app_url, pool_size=pool_size)
    worker_role = open_database(database.worker_url)

    async def close() -> None:
        return None

    runtime = Runtime(
        database=lambda _: app_role,
        worker_database=lambda _: worker_role,
        log=None,  # type: ignore[arg-type]
        clock=FixedClock(),
        internal_key=KEY,
        client=None,  # type: ignore[arg-type]
        wake=lambda: None,
        wakeups=Wakeups(),
        close=close,
    )
    transport = httpx.ASGITransport(build(runtime).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://lead") as asking:
        yield asking


@pytest_asyncio.fixture
async def caller(client: httpx.AsyncClient, database: FreshDatabase) -> Caller:
    """A tenant that is set up: EUR, Berlin, default funnel."""
    caller = Caller(client, database, new_id())
    body = {"time_zone": "Europe/Berlin", "currency": "EUR", "fiscal_year_start": 1}
    assert (await caller.send("PUT", "/internal/tenant", body)).status_code == 200
    return caller
