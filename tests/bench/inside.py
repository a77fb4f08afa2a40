"""The embedded stack's web part built inside this process, so that its CPU can be told apart."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pydantic import SecretStr
from starlette.types import ASGIApp

from gateway.main import provision_tenant
from onefunnel.persistence.local_server import LocalServer
from onefunnel.profiles import embedded
from onefunnel.profiles.clients import DirectClient
from onefunnel.profiles.embedded import database_of
from onefunnel.runtime import Header, Runtime, ServiceClient
from onefunnel.telemetry import configure_logs
from standalone.host.child import Child
from standalone.host.postgres import SETTINGS
from standalone.host.stack import PACKAGES
from standalone.host.wiring import WAKE

INTERNAL_KEY = "bench-key"
CALENDAR = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}


@dataclass
class Inside:
    """A running web part with one tenant."""

    server: LocalServer
    runtime: Runtime
    apps: dict[str, ASGIApp]
    key: str  # of the tenant's admin
    folder: Path
    wake_pipe: tuple[int, int]

    @property
    def pid(self) -> int:
        """Return the process id of PostgreSQL."""
        found = self.server.pid()
        assert found
        return found

    def client(self, name: str) -> ServiceClient:
        """Return a client that calls an app directly."""
        return DirectClient(lambda: self.apps[name])

    def headers(self, *more: Header) -> list[Header]:
        """Return the headers of a caller from outside."""
        json, auth = (b"content-type", b"application/json"), f"Bearer {self.key}".encode()
        return [(b"host", b"bench"), json, (b"authorization", auth), *more]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[int]:
        """Run the worker process of the host beside; yield its process id."""
        hears, _ = self.wake_pipe
        environment = {
            "ONEFUNNEL_DATABASE_URL": self.server.url(""),
            "ONEFUNNEL_INTERNAL_KEY": INTERNAL_KEY,
            WAKE: str(hears),
        }
        child = Child(
            "worker",
            "standalone.host.worker",
            self.folder / "worker.log",
            environment=environment,
            descriptors=(hears,),
        )
        mark = await child.start()
        try:
            yield mark.pid
        finally:
            await child.stop(20)


@asynccontextmanager
async def inside() -> AsyncIterator[Inside]:
    """Start a server of our own, with the settings of the embedded host, and build all services."""
    configure_logs("bench")  # as in any process: what a line costs is part of the figures
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onefunnel-bench-")))
        server = LocalServer(folder / "postgres")
        server.initialise()
        server.start(SETTINGS)
        stack.callback(server.stop)
        hears, tells = os.pipe()
        settings = embedded.Settings(
            database_url=server.url(""), internal_key=SecretStr(INTERNAL_KEY), wake_fd=tells
        )
        await embedded.migrate(settings, PACKAGES)
        apps: dict[str, ASGIApp] = {}
        names = [database_of(package) for package in PACKAGES]
        runtime = embedded.open_runtime(settings, part="web", checks=names, apps=apps)
        stack.push_async_callback(runtime.close)
        for package in PACKAGES:
            apps[database_of(package)] = import_module(f"{package}.main").build(runtime).app
        made = await provision_tenant(runtime, "bench", settings=CALENDAR)
        yield Inside(server, runtime, apps, made.keys["admin"], folder, (hears, tells))
