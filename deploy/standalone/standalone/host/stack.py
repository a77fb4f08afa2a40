"""The five services built on one runtime: the only place where they meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from starlette.types import ASGIApp

from onefunnel.persistence.urls import database_of
from onefunnel.profiles import embedded
from onefunnel.profiles.assembly import Part
from onefunnel.profiles.embedded import Settings
from onefunnel.runtime import Runtime
from onefunnel.service import Service, settle
from onefunnel.starting import once_there

# The gateway comes last: it calls the others.
PACKAGES: Final = (
    "lead_service",
    "scoring_service",
    "content_service",
    "metrics_service",
    "gateway",
)


@dataclass(frozen=True)
class Stack:
    """The services by short name, and what they run on."""

    runtime: Runtime
    services: dict[str, Service]


@asynccontextmanager
async def open_stack(part: Part) -> AsyncIterator[Stack]:
    """Open the runtime of one process and build all services on it."""
    apps: dict[str, ASGIApp] = {}
    names = [database_of(package) for package in PACKAGES]
    runtime = embedded.open_runtime(Settings(), part=part, checks=names, apps=apps)
    try:
        await once_there(runtime.check, asyncio.Event())
        services = {database_of(p): import_module(f"{p}.main").build(runtime) for p in PACKAGES}
        apps.update({name: service.app for name, service in services.items()})
        settle()
        yield Stack(runtime, services)
    finally:
        await runtime.close()
