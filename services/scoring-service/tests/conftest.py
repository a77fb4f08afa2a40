"""scoring-service on a real PostgreSQL: its app, clients of every role, and what it published."""

import copy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

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
from scoring_service.adapters.repositories import open_tx
from scoring_service.entrypoints.consumers import handlers
from scoring_service.main import build

from .unit.unit_definitions import DOCUMENT, NOON

KEY = b"a key of these tests"


@dataclass
class TurnableClock:
    """A clock that stands still until a test turns it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class Scoring:
    """The service, its database as the owner sees it, and handles to talk to both."""

    app: Any
    runtime: Runtime
    requests: Database
    reactions: Database
    owner: "asyncpg.Connection[asyncpg.Record]"
    clock: TurnableClock
    tenant: UUID = field(default_factory=new_id)
    document: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(DOCUMENT))

    def client(
        self, role: Role, *, person: UUID | None = None, tenant: UUID | None = None
    ) -> httpx.AsyncClient:
        name = f"key:{role}:{person}"
        principal = Principal(tenant or self.tenant, name, role, person, EVERYTHING)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://scoring",
            auth=Speaking(principal, KEY, self.clock.now),
        )

    def metadata(self, tenant: UUID | None = None) -> Metadata:
        return Metadata(
            tenant or self.tenant, "/services/scoring-service", "system:test", "c", self.clock.at
        )

    async def hear(self, *events: Any, tenant: UUID | None = None) -> None:
        """Deliver events as the log would, each in a transaction over all tenants."""
        keyring = Keyring(KEY)
        heard = {ERASED: forgetting(keyring)} | handlers(
            partial(open_tx, keyring),
            self.clock,
            source="/services/scoring-service",
            actor="system:scoring",
        )
        for record in encode(events, self.metadata(tenant)):
            envelope = decode(record.value)
            async with self.reactions.transaction() as conn:
                await heard[envelope.type](
                    conn, envelope, decode_data(envelope.type, envelope.data)
                )

    async def agree(self, **extra: Any) -> None:
        """Bring the tests' definition into force, long ago unless told otherwise."""
        past = (self.clock.at - timedelta(days=365)).isoformat()
        body = {**self.document, "effective_from": past, **extra}
        async with self.client("marketer") as marketer, self.client("rep") as rep:
            number = (await marketer.post("/v1/definitions/mql", json=body)).json()["version"]
            for one in (marketer, rep):
                await one.post(f"/v1/definitions/mql/{number}/sign")
            answer = await rep.post(f"/v1/definitions/mql/{number}/activate")
        assert answer.status_code == 200, answer.text

    async def outbox(self) -> list[bytes]:
        rows = await self.owner.fetch("SELECT record FROM outbox ORDER BY id")
        return [row["record"] for row in rows]

    async def published(self) -> list[tuple[Envelope, Any]]:
        envelopes = [decode(record) for record in await self.outbox()]
        return [(e, decode_data(e.type, e.data)) for e in envelopes]

    async def types(self) -> list[str]:
        return [e.type.split(".", 1)[1].removesuffix(".v1") for e, _ in await self.published()]


@pytest.fixture
async def scoring(fresh_database, open_database) -> AsyncIterator[Scoring]:
    fresh = fresh_database("scoring_service")
    owner = await asyncpg.connect(fresh.owner_url)
    clock, app_role = TurnableClock(), open_database(fresh.app_url)
    worker_role = open_database(fresh.worker_url)

    async def close() -> None:
        return None

    wakeups = Wakeups()
    runtime = Runtime(
        database=lambda _: app_role,
        worker_database=lambda _: worker_role,
        log=None,  # type: ignore[arg-type]
        clock=clock,
        internal_key=KEY,
        client=None,  # type: ignore[arg-type]
        wake=wakeups.wake,
        wakeups=wakeups,
        close=close,
    )
    yield Scoring(build(runtime).app, runtime, app_role, worker_role, owner, clock)
    await owner.close()
