"""The compose file's containers as processes of this machine.

Each is told exactly what the compose file tells it, with one substitution: an address of the compose
network becomes one of the loopback interface. `lead:8080` is where this machine's lead-service
listens, `postgres:5432` and `kafka:9092` are the test's own servers, and a process that would listen
on port 8080 or 9100 of its own container gets a port of its own. Nothing is inherited but PATH.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.deployment.compose import ROOT, Container, containers, document

from onefunnel.persistence.local_server import OWN_PROGRAMS, LocalServer
from onefunnel.testing.waiting import wait_until

LOOPBACK: Final = "127.0.0.1"
PORTS: Final = range(21_000, 30_000)
LISTENS: Final = ("ONEFUNNEL_PORT", "ONEFUNNEL_METRICS_PORT")
MIGRATED_S: Final = 120
HEALTHY_S: Final = 60


def free_ports() -> Iterator[int]:
    """Yield ports that nobody listens on, each once."""
    for at in range(len(PORTS)):
        port = PORTS.start + (os.getpid() * 41 + at) % len(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                yield port


class PlainPostgres:
    """A PostgreSQL that asks for passwords over TCP, its roles made by the compose file's own script."""

    def __init__(self, directory: Path, secrets: Mapping[str, str]) -> None:
        self._server = LocalServer(directory / "postgres")
        self._secrets = secrets
        self._port = next(free_ports())
        self.address = f"{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Make it, ask for passwords, make the roles, as the image does on an empty volume."""
        self._server.initialise(sync=False)
        access = self._server.directory / "pg_hba.conf"
        access.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        said = document()["services"]["postgres"]["command"][1:]
        settings = [f"listen_addresses={LOOPBACK}", f"port={self._port}"]
        self._server.start([*settings, *(one for one in said if one != "-c")])
        self._psql_file(ROOT / "deploy" / "compose" / "roles.sh")
        password = self._secrets["POSTGRES_PASSWORD"]
        self._server.run_tool(
            "psql", "-h", str(self._server.socket_directory), "-p", str(self._port),
            "-U", "postgres", "-qc", f"ALTER ROLE postgres PASSWORD '{password}'",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop it; its directory is the test's."""
        self._server.stop(mode="immediate")

    def _psql_file(self, script: Path) -> None:
        subprocess.run(
            ["sh", str(script)],
            env={
                "PATH": f"{OWN_PROGRAMS.directory}:{os.environ['PATH']}",
                "PGHOST": str(self._server.socket_directory),
                "PGPORT": str(self._port),
                **self._secrets,
            },
            check=True,
        )


class Topology:
    """Everything of ours that the compose file starts."""

    def __init__(
        self, secrets: Mapping[str, str], *, postgres: str, kafka: str, logs: Path
    ) -> None:
        self._containers = containers(secrets)
        ports = free_ports()
        self._ports = {name: next(ports) for name in self._containers}
        self._addresses = {
            "postgres:5432": postgres,
            "kafka:9092": kafka,
            **{f"{name}:8080": f"{LOOPBACK}:{port}" for name, port in self._ports.items()},
        }
        self._logs = logs
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all, each as soon as what it waits for is well; migrations run to their end."""
        left = dict(self._containers)
        done: set[str] = {"postgres", "kafka"}
        while left:
            ready = [one for one in left.values() if one.waits_for <= done]
            assert ready, f"these wait for each other: {sorted(left)}"
            for container in ready:
                self.begin(container.name)
                del left[container.name]
            waited_for = {name for one in left.values() for name in one.waits_for}
            for container in ready:
                if container.name in waited_for:
                    self.well(container.name)
                    done.add(container.name)

    def begin(self, *names: str) -> None:
        """Start containers without waiting, the first time or again."""
        for container in map(self._containers.__getitem__, names):
            with (self._logs / f"{container.name}.log").open("ab") as log:
                self.started[container.name] = subprocess.Popen(
                    [sys.executable, "-m", container.package, container.part],
                    env=self._environment(container), cwd=self._logs,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip

    def kill(self, *names: str) -> None:
        """End containers as a crash would."""
        for name in names:
            self.started[name].kill()
            self.started[name].wait()

    def restart(self, name: str) -> None:
        """Ask a container to stop, see that it ends well within its grace, start it, wait until it is well."""
        process = self.started[name]
        process.send_signal(signal.SIGTERM)
        assert process.wait(self._grace(name)) == 0, self.said(name)[-3_000:]
        self.begin(name)
        self.well(name)

    def last_words(self) -> dict[str, str]:
        """Return the end of what those said that do not run any more."""
        ended = [name for name, process in self.started.items() if process.poll() is not None]
        return {name: self.said(name)[-3_000:] for name in ended}

    def well(self, name: str) -> None:
        """Wait until a migration has ended well, or another container passes its health check."""
        process = self.started[name]
        if self._containers[name].part == "migrate":
            assert process.wait(MIGRATED_S) == 0, self.said(name)
            del self.started[name]
            return
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self.healthy(name) or process.poll() is not None, limit_s=HEALTHY_S)
        assert self.healthy(name), f"{name} ended with {process.poll()}\n{self.said(name)}"

    def healthy(self, name: str) -> bool:
        """Ask as the compose file's health check asks."""
        test = document()["services"][name]["healthcheck"]["test"]
        asked = re.sub(rf"{LOOPBACK}:\d+", f"{LOOPBACK}:{self._ports[name]}", test[-1])
        environment = self._environment(self._containers[name])
        done = subprocess.run(
            [sys.executable, "-c", asked], env=environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def address(self, name: str) -> str:
        """Return the address of a container that serves."""
        return f"http://{self._addresses[f'{name}:8080']}"

    def use(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a tool of a service in the environment of one of its containers."""
        container = self._containers[name]
        return subprocess.run(
            [sys.executable, "-m", container.package, *arguments],
            env=self._environment(container), cwd=self._logs,
            capture_output=True, text=True, check=False, timeout=MIGRATED_S,
        )  # fmt: skip

    def told(self, name: str) -> dict[str, str]:
        """Return the environment of a container."""
        return self._environment(self._containers[name])

    def stop(self) -> dict[str, int]:
        """Ask all to stop, as `docker compose stop` does; return how each ended."""
        for process in self.started.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(self._grace(name)) for name, process in self.started.items()}

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.kill(*self.started)

    def said(self, name: str) -> str:
        """Return what a container has said."""
        return (self._logs / f"{name}.log").read_text()

    def _environment(self, container: Container) -> dict[str, str]:
        told = {key: self._placed(value) for key, value in container.environment.items()}
        own = {name: str(self._ports[container.name]) for name in LISTENS if name in told}
        if "ONEFUNNEL_HOST" in told:
            own["ONEFUNNEL_HOST"] = LOOPBACK
        return {"PATH": os.environ["PATH"], **told, **own}

    def _placed(self, value: str) -> str:
        for here, there in self._addresses.items():
            value = re.sub(rf"(?<![\w-]){re.escape(here)}\b", there, value)
        return value

    def _grace(self, name: str) -> int:
        return int(document()["services"][name]["stop_grace_period"].removesuffix("s"))
