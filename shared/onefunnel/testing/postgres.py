"""A real PostgreSQL for tests, as a pytest plugin: one server per process, one database per asking.

A package's migrations run once into a template; every fresh database is a copy of it. The server is
the wheel's, or the one whose programs are in `--postgres-bin`.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
import psutil
import pytest
import pytest_asyncio
from starlette.types import ASGIApp

from onefunnel.log.postgres_log import PostgresLog, prepare
from onefunnel.persistence.database import Database
from onefunnel.persistence.local_server import OWN_PROGRAMS, LocalServer, Programs
from onefunnel.persistence.migrations import upgrade
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE, database_of, url_of
from onefunnel.profiles.assembly import runtime_on
from onefunnel.profiles.clients import Clients
from onefunnel.profiles.databases import Databases
from onefunnel.runtime import Runtime
from onefunnel.testing.needing import missing
from onefunnel.wakeups import Wakeups

T = TypeVar("T")

# Killing processes and crashing the server are the same there as on a disk; only a power cut is not.
_MEMORY: Final = Path("/dev/shm")
_MEMORY_NEEDED: Final = 2 * 1024**3

MAX_CONNECTIONS: Final = 100
INTERNAL_KEY: Final = b"a key for tests only, 32 bytes.."
_SETTINGS: Final = (
    f"max_connections={MAX_CONNECTIONS}",
    "shared_buffers=64MB",
    "jit=off",
    "recovery_init_sync_method=syncfs",
    "autovacuum_naptime=10s",
)


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A migrated, empty database of the test's own; `app_url` is for requests, `worker_url` for folds."""

    name: str
    owner_url: str
    app_url: str
    worker_url: str

    def url(self, role: str) -> str:
        """Return the URL under a role."""
        return {APP_ROLE: self.app_url, WORKER_ROLE: self.worker_url}[role]


@dataclass
class TestServer:
    """The server of this pytest process and the templates made on it so far."""

    __test__ = False

    server: LocalServer
    templates: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        """The superuser's URL without a database, as a profile's settings take it."""
        return self.server.url("")

    def crash(self) -> None:
        """Stop the server as a power cut would, and start it again."""
        self.server.stop(mode="immediate")
        self.server.start(_SETTINGS)

    def kill(self) -> None:
        """Kill every process of the server at once with `kill -9`, and start it again."""
        pid = self.server.pid()
        assert pid is not None, "it runs"
        postmaster = psutil.Process(pid)
        found = [postmaster, *postmaster.children(recursive=True)]
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found)
        self.server.start(_SETTINGS)

    def restart(self) -> None:
        """Start the server unless it runs."""
        self.server.start(_SETTINGS)

    def fresh(self, package: str | None = None) -> FreshDatabase:
        """Return a new database: a copy of what `<package>.migrations` make, or empty without one."""
        return run_apart(self._fresh(package))

    async def _fresh(self, package: str | None) -> FreshDatabase:
        template = f"template_{package or 'nothing'}".replace(".", "_")
        if template not in self.templates:
            await provision(self.url, [template])
            await _migrate(url_of(self.url, template), package)
            self.templates.add(template)
        name = f"test_{next(self.numbers)}"
        connection = await asyncpg.connect(url_of(self.url, "postgres"))
        try:
            await connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"
            )
            await connection.execute(f"GRANT CREATE ON DATABASE {name} TO {WORKER_ROLE}")
        finally:
            await connection.close()
        return FreshDatabase(
            name,
            url_of(self.url, name),
            url_of(self.url, name, role=APP_ROLE),
            url_of(self.url, name, role=WORKER_ROLE),
        )

    def drop(self, databases: Sequence[FreshDatabase]) -> None:
        """Drop databases, whoever is still connected."""
        if databases:
            run_apart(self._drop([database.name for database in databases]))

    async def _drop(self, names: Sequence[str]) -> None:
        connection = await asyncpg.connect(url_of(self.url, "postgres"))
        try:
            for name in names:
                await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        finally:
            await connection.close()


async def _migrate(url: str, package: str | None) -> None:
    if package == "onefunnel.log":
        await prepare(url)  # with its topics
    elif package:
        await upgrade(url, package)


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a loop of its own, whether or not a loop runs here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests run on another PostgreSQL that is installed here."""
    parser.addoption(
        "--postgres-bin", type=Path, metavar="DIR", help="where its initdb and postgres are"
    )


@pytest.fixture(scope="session")
def postgres_programs(pytestconfig: pytest.Config) -> Programs:
    """Return the PostgreSQL that tests run on; where it is not installed, they are skipped."""
    directory: Path | None = pytestconfig.getoption("--postgres-bin")
    if directory is None:
        return OWN_PROGRAMS
    if not (directory / "initdb").exists():
        missing(f"no PostgreSQL in {directory}")
    said = subprocess.check_output([directory / "initdb", "--version"], text=True)
    return Programs(int(said.split()[2].split(".")[0]), directory)


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: Programs) -> Iterator[TestServer]:
    """Start a PostgreSQL in a temporary directory, with fsync on, and stop it at the end."""
    directory = Path(tempfile.mkdtemp(prefix="onefunnel-test-", dir=_place()))
    server = LocalServer(directory / "postgres", postgres_programs)
    try:
        server.initialise(sync=False)
        server.start(_SETTINGS)
        yield TestServer(server)
    finally:
        server.stop(mode="immediate")  # the directory goes too
        shutil.rmtree(directory, ignore_errors=True)


def _place() -> Path | None:
    """Return a directory in memory where there is room, because tests make hundreds of databases."""
    try:
        roomy = shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED and os.access(_MEMORY, os.W_OK)
    except OSError:
        return None
    return _MEMORY if roomy else None


@pytest.fixture
def fresh_database(
    postgres_server: TestServer,
) -> Iterator[Callable[[str | None], FreshDatabase]]:
    """Return a function that makes a fresh database: `fresh_database("lead_service").app_url`.

    It is dropped after the test.
    """
    made: list[FreshDatabase] = []

    def fresh(package: str | None = None) -> FreshDatabase:
        made.append(postgres_server.fresh(package))
        return made[-1]

    yield fresh
    postgres_server.drop(made)


@pytest_asyncio.fixture
async def open_database() -> AsyncIterator[Callable[..., Database]]:
    """Return a function that opens a `Database` and closes it when the test ends."""
    opened: list[Database] = []

    def open_(url: str, *, pool_size: int = 4) -> Database:
        opened.append(Database(url, pool_size=pool_size, name="test"))
        return opened[-1]

    yield open_
    for database in opened:
        await database.close()


async def _made_for_it() -> None:
    """Check nothing: the databases were made a moment ago."""


@pytest_asyncio.fixture
async def make_runtime(
    fresh_database: Callable[[str | None], FreshDatabase],
) -> AsyncIterator[Callable[..., Runtime]]:
    """Return a function that makes a runtime over fresh databases: `make_runtime("lead_service")`.

    Its log is a real one, its clock the host's, and whatever commits wakes whatever listens here.
    `apps` are the services that `runtime.client` may call, by name; it may be filled later.
    """
    made: list[Runtime] = []

    def make(*packages: str, apps: Mapping[str, ASGIApp] | None = None) -> Runtime:
        fresh = {database_of(package): fresh_database(package) for package in packages}
        fresh["eventlog"] = fresh_database("onefunnel.log")
        wakeups = Wakeups()
        databases = Databases(lambda name, role: fresh[name].url(role))
        runtime = runtime_on(
            databases,
            PostgresLog(databases.worker("eventlog")),
            internal_key=INTERNAL_KEY,
            clients=Clients({} if apps is None else apps, {}),
            wake=wakeups.wake,
            wakeups=wakeups,
            check=_made_for_it,
        )
        made.append(runtime)
        return runtime

    yield make
    for runtime in made:
        await runtime.close()
