"""content-service on a real PostgreSQL: its app, clients of every role, and what it published."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from content_service.main import build
from onefunnel.events.envelope import Envelope, Metadata, decode, encode
from onefunnel.events.fast import decode_data
from onefunnel.http.principal import Principal
from onefunnel.ids import new_id
from onefunnel.persistence.database import Database
from onefunnel.reach import EVERYTHING, Role
from onefunnel.runtime import Runtime
from onefunnel.testing.speaking import Speaking
from onefunnel.vault.erasing import ERASED, forgetting
from onefunnel.vault.keyring import Keyring
from onefunnel.wakeups import Wakeups

KEY = b"a key of these tests"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class TurnableClock:
    """A clock that stands still until a test turns it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class Library:
    """The service, its database as the owner sees it, and handles to talk to both."""

    app: Any
    requests: Database
    reactions: Database
    owner: "asyncpg.Connection[asyncpg.Record]"
    clock: TurnableClock
    tenant: UUID = field(default_factory=new_id)
    wakes: list[None] = field(default_factory=list)

    def client(
        self, role: Role = "admin", *, person: UUID | None = None, tenant: UUID | None = None
    ) -> httpx.AsyncClient:
        name = f"key:{role}:{person}"
        principal = Principal(tenant or self.tenant, name, role, person, EVERYTHING)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://content",
            auth=Speaking(principal, KEY, self.clock.now),
        )

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Somebody without any key."""
        known = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://content",
            headers=known | headers,
        )

    async def post(self, path: str, body: Any, role: Role = "admin", **who: Any) -> httpx.Response:
        async with self.client(role, **who) as client:
            return await client.post(path, json=body)

    async def get(self, path: str, role: Role = "admin", **params: Any) -> httpx.Response:
        async with self.client(role) as client:
            return await client.get(path, params=params)

    async def asset(self, title: str = "Price guide", **fields: Any) -> str:
        """Publish an asset and return its id."""
        answer = await self.post("/v1/content", {"title": title, "kind": "guide", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def shared(self, asset: str, **fields: Any) -> dict[str, Any]:
        """Share an asset with a new deal, or with whom the fields say."""
        body = fields or {"deal_id": str(new_id())}
        answer = await self.post(f"/v1/content/{asset}/shares", body, "rep")
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def performance(self, asset: str) -> dict[str, Any]:
        """Return how an asset does."""
        return (await self.get(f"/v1/content/{asset}/performance")).json()

    async def revoke(self, asset: str, share: str, role: Role = "manager", **who: Any) -> int:
        """Withdraw a share and return the status of the answer."""
        async with self.client(role, **who) as client:
            return (await client.delete(f"/v1/content/{asset}/shares/{share}")).status_code

    async def hear(self, *events: Any, tenant: UUID | None = None) -> None:
        """Deliver events as the log would, each in a transaction over all tenants."""
        metadata = Metadata(
            tenant or self.tenant, "/services/lead-service", "system:test", "c", self.clock.at
        )
        heard = {ERASED: forgetting(Keyring(KEY))}
        for record in encode(events, metadata):
            envelope = decode(record.value)
            async with self.reactions.transaction() as conn:
                await heard[envelope.type](
                    conn, envelope, decode_data(envelope.type, envelope.data)
                )

    async def outbox(self) -> list[bytes]:
        rows = await self.owner.fetch("SELECT record FROM outbox ORDER BY id")
        return [row["record"] for row in rows]

    async def published(self) -> list[tuple[Envelope, Any]]:
        envelopes = [decode(record) for record in await self.outbox()]
        return [(e, decode_data(e.type, e.data)) for e in envelopes]

    async def types(self) -> list[str]:
        return [e.type.split(".", 1)[1].removesuffix(".v1") for e, _ in await self.published()]


@pytest.fixture
async def library(fresh_database, open_database) -> AsyncIterator[Library]:
    fresh = fresh_database("content_service")
    owner = await asyncpg.connect(fresh.owner_url)
    clock, app_role = TurnableClock(), open_database(fresh.app_url)
    worker_role = open_database(fresh.worker_url)
    made = Library(None, app_role, worker_role, owner, clock)

    async def close() -> None:
        return None

    runtime = Runtime(
        database=lambda _: app_role,
        worker_database=lambda _: worker_role,
        log=None,  # type: ignore[arg-type]
        clock=clock,
        internal_key=KEY,
        client=None,  # type: ignore[arg-type]
        wake=lambda: made.wakes.append(None),
        wakeups=Wakeups(),
        close=close,
    )
    made.app = build(runtime).app
    yield made
    await owner.close()
