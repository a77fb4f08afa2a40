"""metrics-service on a real PostgreSQL: its app, clients of every role, and what it published."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.application.fold import Fold, Limits
from metrics_service.main import application
from onefunnel.events import Event
from onefunnel.events.envelope import decode
from onefunnel.events.fast import decode_data
from onefunnel.http.principal import Principal
from onefunnel.ids import new_id
from onefunnel.persistence.database import Database
from onefunnel.reach import EVERYTHING, Rights, Role
from onefunnel.testing.speaking import Speaking
from onefunnel.vault.keyring import Keyring

from ..adapters.list_log import ListLog
from .world import Teller, funnel, tenant

KEY = b"a key of these tests"
ADJUSTMENTS = "/v1/compensation/adjustments"


@dataclass
class TurnableClock:
    """A clock that stands still until a test turns it."""

    at: datetime = datetime(2026, 6, 15, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class Metrics:
    """The service, its database as the owner sees it, and handles to talk to both."""

    app: Any
    owner: "asyncpg.Connection[asyncpg.Record]"
    clock: TurnableClock
    worker: Database
    tenant: UUID = field(default_factory=new_id)
    log: ListLog = field(default_factory=ListLog)

    def __post_init__(self) -> None:
        self.teller = Teller(self.tenant)
        self.store = PostgresFoldStore(self.worker, "test")
        self._fold: Fold | None = None

    async def tell(self, *events: Event) -> None:
        """Append events to the log, as lead-service and the others would, and fold them."""
        for record in self.teller.records(*events):
            self.log.append(record.topic, record.key, record.value)
        await self.settle()

    async def settle(self) -> None:
        """Relay what our own commands published, and fold until nothing is left."""
        rows = await self.owner.fetch("DELETE FROM outbox RETURNING id, topic, key, record")
        for row in sorted(rows, key=lambda row: row["id"]):
            self.log.append(row["topic"], row["key"], row["record"])
        if self._fold is None:
            self._fold = Fold(self.store, self.log, Limits(wait_s=0))
            await self._fold.start()
        while await self._fold.turn(self.log):
            pass
        await self.look_after()

    async def look_after(self) -> None:
        """Note where the log ends, and fold nothing."""
        assert self._fold is not None
        await self._fold.look_after()

    async def begin(self, **calendar: str) -> None:
        """Tell of the tenant and its funnel."""
        await self.tell(tenant(self.tenant, **calendar), funnel())

    def client(
        self,
        role: Role = "comp_admin",
        *,
        tenant: UUID | None = None,
        person: UUID | None = None,
        rights: Rights = EVERYTHING,
    ) -> httpx.AsyncClient:
        principal = Principal(tenant or self.tenant, f"key:{role}", role, person, rights)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://metrics",
            auth=Speaking(principal, KEY, self.clock.now),
        )

    async def post(
        self,
        path: str,
        body: object = None,
        *,
        status: int = 201,
        by: UUID | None = None,
        **headers: str,
    ) -> Any:
        async with self.client(person=by) as client:
            answer = await client.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def adjust(self, body: object) -> Any:
        """Propose an adjustment as one person and approve it as another."""
        proposed = await self.post(ADJUSTMENTS, body, by=new_id())
        path = f"{ADJUSTMENTS}/{proposed['id']}/approve"
        return await self.post(path, status=200, by=new_id())

    async def get(self, path: str, *, status: int = 200, **params: Any) -> Any:
        async with self.client() as client:
            answer = await client.get(path, params=params or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def published(self) -> list[Any]:
        rows = await self.owner.fetch("SELECT record FROM outbox ORDER BY id")
        envelopes = [decode(row["record"]) for row in rows]
        return [decode_data(e.type, e.data) for e in envelopes]


@pytest.fixture
def pool_size() -> int:
    """How many connections serve requests."""
    return 4


@pytest.fixture
async def metrics(fresh_database, open_database, pool_size) -> AsyncIterator[Metrics]:
    fresh = fresh_database("metrics_service")
    owner = await asyncpg.connect(fresh.owner_url)
    clock, worker = TurnableClock(), open_database(fresh.worker_url)
    app = application(
        open_database(fresh.app_url, pool_size=pool_size),
        internal_key=KEY,
        clock=clock,
        wake=lambda: None,
        worker=lambda: worker,
        keyring=Keyring(KEY),
    )
    found = Metrics(app, owner, clock, worker)
    yield found
    await found.store.close()
    await owner.close()
