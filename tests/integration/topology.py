"""The scale-out topology on one machine: five services, each a process that serves and one that works.

Databases are on a PostgreSQL of its own, the log on a Kafka that is given. Everything is started by
commands and told by environment variables, as in any other place.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE, database_of, url_of
from standalone.gateway_client import Gateway, Unreachable
from standalone.host.stack import PACKAGES
from standalone.host.waiting import wait_until

READY_S: Final = 120
STOP_S: Final = 60
Place = tuple[str, str]  # a service's package and its part
EVERYTHING: Final[tuple[Place, ...]] = tuple(
    (package, part) for package in PACKAGES for part in ("serve", "work")
)
ONE_BROKER: Final = {
    "ONEFUNNEL_KAFKA_SMALL": "true",
    "ONEFUNNEL_KAFKA_REPLICATION": "1",
    "ONEFUNNEL_KAFKA_MIN_ISR": "1",
}


class Topology:
    """Ten processes and what they are told. `postgres` may be stopped and started meanwhile."""

    def __init__(
        self, directory: Path, postgres: LocalServer, kafka: Mapping[str, str], first_port: int
    ) -> None:
        self.postgres = postgres
        self.ports = {package: first_port + at for at, package in enumerate(PACKAGES)}
        self._directory = directory
        self._processes: dict[Place, subprocess.Popen[bytes]] = {}
        self._environment = {
            "ONEFUNNEL_PROFILE": "scaleout",
            "ONEFUNNEL_OWNER_URL": postgres.url(""),
            "ONEFUNNEL_APP_URL": url_of(postgres.url(""), "", role=APP_ROLE),
            "ONEFUNNEL_WORKER_URL": url_of(postgres.url(""), "", role=WORKER_ROLE),
            "ONEFUNNEL_INTERNAL_KEY": "a key for tests only, 32 bytes..",
            "ONEFUNNEL_SERVICE_URLS": json.dumps(
                {database_of(p): f"http://127.0.0.1:{port}" for p, port in self.ports.items()}
            ),
            **kafka,
        }

    @property
    def url(self) -> str:
        """Return the gateway's address."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def migrate(self) -> None:
        """Migrate all services at once, as they may."""
        running = [self._run(package, "migrate") for package in PACKAGES]
        for process in running:
            out, _ = process.communicate(timeout=READY_S)
            assert process.returncode == 0, out.decode()

    def start(self, *places: Place) -> None:
        """Start processes, all unless told, without waiting."""
        for package, part in places or EVERYTHING:
            with self._log(package, part).open("ab") as log:
                self._processes[package, part] = subprocess.Popen(
                    [sys.executable, "-m", package, part],
                    env={**os.environ, **self._environment, **self._port_of(package)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def ready(self) -> None:
        """Wait until every service says that it can work."""
        for port in self.ports.values():
            assert wait_until(lambda port=port: _is_ready(port), READY_S), self.said()

    def stop(self, *places: Place) -> dict[Place, int]:
        """Ask processes to stop, all unless told, and return how they ended."""
        stopped = {place: self._processes.pop(place) for place in places or tuple(self._processes)}
        for process in stopped.values():
            process.send_signal(signal.SIGTERM)
        return {place: process.wait(STOP_S) for place, process in stopped.items()}

    def kill(self, *places: Place) -> None:
        """Kill processes, all unless told."""
        for place in places or tuple(self._processes):
            process = self._processes.pop(place)
            process.kill()
            process.wait(STOP_S)

    def pid(self, place: Place) -> int:
        """Return the process id of one of them."""
        return self._processes[place].pid

    def alive(self) -> set[Place]:
        """Return which of them run."""
        return {place for place, process in self._processes.items() if process.poll() is None}

    def tenant(self, name: str) -> str:
        """Make a tenant and return a key of its owner."""
        process = self._run("gateway", "tenant", name)
        out, _ = process.communicate(timeout=READY_S)
        assert process.returncode == 0, out.decode()
        return str(json.loads(out.splitlines()[-1])["key"])

    def gateway(self, key: str) -> contextlib.closing[Gateway]:
        """Return a client of the gateway."""
        return contextlib.closing(Gateway(self.url, key))

    def said(self) -> str:
        """Return the end of what everybody said."""
        files = sorted(self._directory.glob("*.log"))
        return "\n".join(f"--- {f.name}\n{f.read_text()[-1_500:]}" for f in files)

    def _run(self, package: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", package, *arguments],
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _port_of(self, package: str) -> dict[str, str]:
        return {"ONEFUNNEL_PORT": str(self.ports[package])}

    def _log(self, package: str, part: str) -> Path:
        return self._directory / f"{package}.{part}.log"


@contextmanager
def topology(room: Path, kafka: Mapping[str, str], first_port: int) -> Iterator[Topology]:
    """Yield a topology in a directory of its own, migrated and not started; leave nothing behind.

    `kafka` is what processes are told of it; ports are `first_port` and the four after it.
    """
    postgres = LocalServer(room / "postgres")
    postgres.initialise(sync=False)
    postgres.start(["max_connections=200"])
    made = Topology(room, postgres, kafka, first_port)
    try:
        made.migrate()
        yield made
    finally:
        made.kill()
        postgres.stop(mode="immediate")


def _is_ready(port: int) -> bool:
    with contextlib.closing(Gateway(f"http://127.0.0.1:{port}", None)) as client:
        try:
            return client.send("GET", "/readyz").status == 204
        except Unreachable:
            return False
