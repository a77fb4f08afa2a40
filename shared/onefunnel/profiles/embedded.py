"""The embedded profile: PostgreSQL databases on one server, the log among them, services called directly.

A profile is a module with `Settings`, `migrate` and `open_runtime`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.types import ASGIApp

from onefunnel.log import postgres_log
from onefunnel.log.retention import keep_retention
from onefunnel.persistence.migrations import upgrade
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import APP_ROLE, DATABASES, WORKER_ROLE, database_of, url_of
from onefunnel.profiles.assembly import Part, runtime_on
from onefunnel.profiles.clients import Clients
from onefunnel.profiles.databases import Databases
from onefunnel.profiles.roles import check_roles
from onefunnel.runtime import Runtime
from onefunnel.wakeups import Wakeups, pipe_wake


class Settings(BaseSettings):
    """What this profile is told, read once from the environment."""

    model_config = SettingsConfigDict(
        env_prefix="ONEFUNNEL_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: Annotated[
        str, Field(repr=False)
    ]  # the server under its owner, without a database
    internal_key: SecretStr  # what the services' principals are signed with
    vault_key: SecretStr = SecretStr("")  # what the keys of people are wrapped by; else the above
    wake_fd: int | None = None  # web: the writing end of a pipe; worker: its reading end
    service_urls: Mapping[str, str] = {}  # services that run in other processes, by name


async def migrate(settings: Settings, packages: Sequence[str]) -> None:
    """Make roles and databases and bring those of the given services, and the log's, up to date."""
    server = settings.database_url
    await provision(server, DATABASES)
    await postgres_log.prepare(url_of(server, "eventlog"))
    for package in packages:  # one by one: Alembic's `op` stands for one migration at a time
        await upgrade(url_of(server, database_of(package)), package)


def open_runtime(
    settings: Settings, *, part: Part, checks: Sequence[str], apps: Mapping[str, ASGIApp]
) -> Runtime:
    """Return the runtime of one process. `apps` may be filled after, as services are built on it.

    Nothing is connected to yet. `Runtime.check` looks at the roles of the databases in `checks`.
    """
    server = settings.database_url
    wakeups = Wakeups()
    wake = wakeups.wake
    if settings.wake_fd is not None:
        if part == "web":
            wake = pipe_wake(settings.wake_fd)
        else:
            wakeups.attach(settings.wake_fd)
    databases = Databases(lambda name, role: url_of(server, name, role=role))
    log = postgres_log.PostgresLog(databases.worker("eventlog"))
    return runtime_on(
        databases,
        log,
        internal_key=settings.internal_key.get_secret_value().encode(),
        clients=Clients(apps, settings.service_urls),
        wake=wake,
        wakeups=wakeups,
        vault_key=settings.vault_key.get_secret_value().encode(),
        check=partial(_check, server, checks),
        upkeep=(partial(keep_retention, log),),
    )


async def _check(server: str, names: Sequence[str]) -> None:
    await asyncio.gather(
        *(
            check_roles(url_of(server, name, role=APP_ROLE), url_of(server, name, role=WORKER_ROLE))
            for name in names
        )
    )
