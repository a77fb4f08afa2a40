"""The embedded profile: PostgreSQL databases on one server, the log among them, services called directly.

A profile is a module with `Settings`, `migrate` and `open_runtime`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.types import ASGIApp

from onefunnel.clock import SystemClock
from onefunnel.log import postgres_log
from onefunnel.log.retention import keep_retention
from onefunnel.persistence.migrations import upgrade
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import APP_ROLE, DATABASES, WORKER_ROLE, url_of
from onefunnel.profiles.clients import DirectClient, HttpClient
from onefunnel.profiles.databases import Databases, check_roles
from onefunnel.runtime import Runtime, ServiceClient
from onefunnel.wakeups import Wakeups, pipe_wake

Part = Literal["web", "worker"]


class Settings(BaseSettings):
    """What this profile is told, read once from the environment."""

    model_config = SettingsConfigDict(env_prefix="ONEFUNNEL_", frozen=True, extra="ignore")

    database_url: str  # the server under its owner, without a database
    internal_key: SecretStr  # what the services' principals are signed with
    wake_fd: int | None = None  # web: the writing end of a pipe; worker: its reading end
    service_urls: Mapping[str, str] = {}  # services that run in other processes, by name


async def migrate(settings: Settings, packages: Sequence[str]) -> None:
    """Make roles and databases and bring those of the given services, and the log's, up to date."""
    server = settings.database_url
    await provision(server, DATABASES)
    await postgres_log.prepare(url_of(server, "eventlog"))
    for package in packages:  # one by one: Alembic's `op` stands for one migration at a time
        await upgrade(url_of(server, database_of(package)), package)


def database_of(package: str) -> str:
    """Return the name of a service's database: `lead` for `lead_service`."""
    return package.removesuffix("_service")


async def open_runtime(
    settings: Settings, *, part: Part, checks: Sequence[str], apps: Mapping[str, ASGIApp]
) -> Runtime:
    """Return the runtime of one process. `apps` may be filled after, as services are built on it.

    Refuses to start (`WrongRole`) where the roles of the databases in `checks` are not as they must be.
    """
    server = settings.database_url
    await asyncio.gather(
        *(
            check_roles(url_of(server, name, role=APP_ROLE), url_of(server, name, role=WORKER_ROLE))
            for name in checks
        )
    )
    wakeups = Wakeups()
    wake = wakeups.wake
    if settings.wake_fd is not None:
        if part == "web":
            wake = pipe_wake(settings.wake_fd)
        else:
            wakeups.attach(settings.wake_fd)
    return runtime_on(
        Databases(lambda name, role: url_of(server, name, role=role)),
        internal_key=settings.internal_key.get_secret_value().encode(),
        clients=Clients(apps, settings.service_urls),
        wake=wake,
        wakeups=wakeups,
    )


class Clients:
    """The services by name: those with an address over HTTP, all others in this process."""

    def __init__(self, apps: Mapping[str, ASGIApp], addresses: Mapping[str, str]) -> None:
        self._apps = apps
        self._over_http = {name: HttpClient(address) for name, address in addresses.items()}

    def __call__(self, name: str) -> ServiceClient:
        """Return the client of a service."""
        return self._over_http.get(name) or DirectClient(lambda: self._apps[name])

    async def close(self) -> None:
        """Close what is open."""
        for client in self._over_http.values():
            await client.close()


def runtime_on(
    databases: Databases,
    *,
    internal_key: bytes,
    clients: Clients,
    wake: Callable[[], None],
    wakeups: Wakeups,
) -> Runtime:
    """Return the runtime over the given databases."""
    log = postgres_log.PostgresLog(databases.worker("eventlog"))

    async def close() -> None:
        wakeups.detach()
        closings: Sequence[Callable[[], Awaitable[None]]] = (
            clients.close,
            log.close,
            databases.close,
        )
        for closing in closings:
            await closing()

    return Runtime(
        database=databases.app,
        worker_database=databases.worker,
        log=log,
        clock=SystemClock(),
        internal_key=internal_key,
        client=clients,
        wake=wake,
        wakeups=wakeups,
        close=close,
        upkeep=(partial(keep_retention, log),),
    )
