"""Everything of ours in this process: five services on a real PostgreSQL, with a key of every role.

They run in a loop of their own in a thread, so that tools which know nothing of asyncio can ask them.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, TypeVar
from unittest.mock import patch
from uuid import UUID

import asyncpg
from starlette.types import ASGIApp

from gateway.main import provision_tenant
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.persistence.urls import database_of
from onefunnel.profiles.assembly import runtime_on
from onefunnel.profiles.clients import Clients, DirectClient
from onefunnel.profiles.databases import Databases
from onefunnel.runtime import Header, Runtime, ServiceResponse
from onefunnel.service import Service, work
from onefunnel.testing.postgres import INTERNAL_KEY, FreshDatabase, TestServer
from onefunnel.wakeups import Wakeups
from standalone.host.stack import PACKAGES

CALENDAR: Final = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}
# Wrong keys come from here by the hundred.
TOLD: Final = {"ONEFUNNEL_FAILURE_LIMIT": "1000000"}
HOST: Final = "gateway.example"
ANSWERED_S: Final = 30

T = TypeVar("T")
# A value in a list comes as often as it is there, and None not at all.
Headers = Mapping[str, str | Sequence[str] | None]


class Stage:
    """All services, their databases, and one tenant with a key of every role."""

    def __init__(self, databases: Mapping[str, FreshDatabase], loop: asyncio.AbstractEventLoop):
        self.databases = databases
        self.apps: dict[str, ASGIApp] = {}
        self.services: dict[str, Service] = {}
        self.keys: dict[str, str] = {}
        self.tenant_id: UUID
        self._loop = loop
        self.runtime: Runtime

    def run(self, task: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the services' loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(ANSWERED_S)

    def ask(
        self,
        method: str,
        target: str,
        *,
        role: str | None = "admin",
        headers: Headers | None = None,
        body: bytes = b"",
        service: str = "gateway",
    ) -> ServiceResponse:
        """Send one request as a role and return the whole answer."""
        path, _, query = target.partition("?")
        known = {} if role is None else {"authorization": f"Bearer {self.keys[role]}"}
        sent = [*_raw(known), *_raw({"host": HOST, **(headers or {})})]
        asked = DirectClient(lambda: self.apps[service]).request(
            method, path, query=query, headers=sent, body=body
        )
        return self.run(asked)

    def rows(self) -> dict[str, int]:
        """Return how many rows every table of every service has, read past every policy."""
        return self.run(self._counted())

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run relays, reactions and folds meanwhile."""
        stop = asyncio.Event()
        done = asyncio.run_coroutine_threadsafe(
            work(list(self.services.values()), self.runtime, stop), self._loop
        )
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            done.result(ANSWERED_S)

    async def open(self) -> None:
        """Build everything on the databases."""
        wakeups = Wakeups()
        databases = Databases(lambda name, role: self.databases[name].url(role))
        self.runtime = runtime_on(
            databases,
            PostgresLog(databases.worker("eventlog")),
            internal_key=INTERNAL_KEY,
            clients=Clients(self.apps, {}),
            wake=wakeups.wake,
            wakeups=wakeups,
            check=_made_for_it,
        )
        with patch.dict(os.environ, TOLD):
            for package in PACKAGES:
                name = database_of(package)
                self.services[name] = import_module(f"{package}.main").build(self.runtime)
                self.apps[name] = self.services[name].app
        made = await provision_tenant(self.runtime, "main", settings=CALENDAR)
        self.tenant_id, self.keys = made.tenant_id, dict(made.keys)

    async def close(self) -> None:
        """Close what is open."""
        await self.runtime.close()

    async def _counted(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, database in self.databases.items():
            owner = await asyncpg.connect(database.owner_url)
            try:
                tables = [table for (table,) in await owner.fetch(_TABLES)]
                # One question for all of them: hundreds of tests ask it twice.
                each = (f"SELECT '{table}', count(*) FROM \"{table}\"" for table in tables)
                counts = await owner.fetch(" UNION ALL ".join(each))
                found |= {f"{name}.{table}": count for table, count in counts}
            finally:
                await owner.close()
        return found


_TABLES: Final = (
    "SELECT table_name FROM information_schema.tables"
    " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
)


@contextmanager
def stage_on(server: TestServer) -> Iterator[Stage]:
    """Build everything on fresh databases; drop them at the end."""
    databases = {database_of(package): server.fresh(package) for package in PACKAGES}
    databases["eventlog"] = server.fresh("onefunnel.log")
    with _running_loop() as loop:
        stage = Stage(databases, loop)
        stage.run(stage.open())
        try:
            yield stage
        finally:
            stage.run(stage.close())
            server.drop(list(databases.values()))


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="services")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _raw(headers: Headers) -> list[Header]:
    each = {name: [value] if isinstance(value, str) else value for name, value in headers.items()}
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, values in each.items()
        for value in values or ()
    ]


async def _made_for_it() -> None:
    """Check nothing: the databases were made a moment ago."""
