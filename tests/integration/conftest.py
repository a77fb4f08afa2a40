"""Real stacks: the host, its two processes and PostgreSQL, each in a directory of its own."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from standalone.gateway_client import Gateway
from standalone.host.lock import read_owner
from standalone.host.postgres import server_of
from standalone.host.waiting import wait_until
from standalone.settled import settle

READY_S = 180
STOP_S = 60
TOOL_S = 240


def free_port() -> int:
    """Return a free port below the range that the system hands out by itself."""
    for port in range(20_000 + os.getpid() % 8_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


class Stack:
    """One data directory and the host that may run on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.out = data.parent / f"{data.name}.out"
        self.process: subprocess.Popen[bytes] | None = None

    def up(self, *arguments: str) -> "Stack":
        """Start the host and wait until it serves."""
        self.begin(*arguments)
        wait_until(lambda: self._said("Next ") or self._ended(), READY_S)
        assert self._said("Next "), self.said()
        return self

    def begin(self, *arguments: str) -> None:
        """Start the host without waiting."""
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--data", str(self.data), "--port", str(self.port), *arguments],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def said(self) -> str:
        """Return everything the host has said."""
        return self.out.read_text(errors="replace") if self.out.exists() else ""

    def forget(self) -> None:
        """Forget what was said before."""
        self.out.unlink(missing_ok=True)

    def _said(self, word: str) -> bool:
        return word in self.said()

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def pids(self) -> dict[str, int]:
        """Return the process ids of everything that belongs to the stack."""
        owner = read_owner(self.data)
        assert owner is not None, self.said()
        found = {name: mark.pid for name, mark in owner.children.items()}
        postgres = server_of(self.data).pid()
        assert postgres is not None
        return {**found, "postgres": postgres, "host": owner.host.pid}

    def pss(self) -> int:
        """Return the bytes of memory that the whole stack takes, shared pages counted once."""
        pids = self.pids()
        host, postgres = psutil.Process(pids["host"]), psutil.Process(pids["postgres"])
        found = [host, *host.children(recursive=True), postgres, *postgres.children()]
        return sum(int(one.memory_full_info().pss) for one in found if one.is_running())

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask the host to stop and wait for it."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(STOP_S)

    def kill(self) -> None:
        """Kill the host as a crash would; nothing else is touched."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)

    def clean_up(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_S)
        with contextlib.suppress(RuntimeError):
            server_of(self.data).stop(mode="immediate")

    def key(self, role: str = "admin", tenant: str = "main") -> str:
        """Return a development key."""
        keys = json.loads((self.data / "keys.json").read_text())
        return str(keys[tenant][role])

    def get(self, path: str, tenant: str = "main", **headers: str) -> Any:
        """Ask the gateway and return its JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {"Authorization": f"Bearer {self.key(tenant=tenant)}", **headers}
            connection.request("GET", path, headers=sent)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
            return json.loads(body)
        finally:
            connection.close()

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command against this stack."""
        done = tool(*arguments, "--data", str(self.data))
        assert not check or done.returncode == 0, done.stderr
        return done

    def folded(self) -> None:
        """Wait until every event that was written is in the numbers."""
        with contextlib.closing(Gateway(f"http://127.0.0.1:{self.port}", self.key())) as gateway:
            assert settle(gateway, READY_S), self.get("/v1/status")


COMMAND = [sys.executable, "-m", "standalone"]


def tool(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command and return what it said and how it ended."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TOOL_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def run_tool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return the command."""
    return tool


@pytest.fixture
def new_import() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Return a function that starts the command and leaves it running."""
    made: list[subprocess.Popen[bytes]] = []

    def new(*arguments: str) -> "subprocess.Popen[bytes]":
        made.append(
            subprocess.Popen(
                [*COMMAND, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
            )
        )
        return made[-1]

    yield new
    for process in made:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    """Return a directory for stacks.

    Not one of pytest's: as root, PostgreSQL runs as another user, and every pytest that starts closes
    pytest's directory to others.
    """
    made = Path(tempfile.mkdtemp(prefix="onefunnel-stacks-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def prepared(room: Path) -> Path:
    """Make a data directory once: started, prepared, stopped."""
    made = Stack(room / "prepared")
    try:
        made.up("--no-demo")
        assert made.stop() == 0, made.said()
    finally:
        made.clean_up()
    return made.data


def copied(prepared: Path) -> Stack:
    """Return a stack on a copy of a prepared directory."""
    data = Path(tempfile.mkdtemp(prefix="stack-", dir=prepared.parent)) / "data"
    subprocess.run(["cp", "-a", str(prepared), str(data)], check=True)
    return Stack(data)


@pytest.fixture
def new_stack(prepared: Path) -> Iterator[Callable[[], Stack]]:
    """Return a function that makes a stack on a copy of a prepared directory, not started."""
    made: list[Stack] = []

    def new() -> Stack:
        made.append(copied(prepared))
        return made[-1]

    yield new
    for stack in made:
        stack.clean_up()


@pytest.fixture(scope="module")
def new_module_stack(prepared: Path) -> Iterator[Callable[[], Stack]]:
    """Return a function that starts a stack which all tests of a module share."""
    made: list[Stack] = []

    def new() -> Stack:
        made.append(copied(prepared))
        return made[-1].up("--no-demo")

    yield new
    for stack in made:
        stack.clean_up()


@pytest.fixture
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return one running stack."""
    return new_stack().up("--no-demo")


def gone(pids: Sequence[int]) -> bool:
    """Say whether none of these processes runs any more."""
    return not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        for pid in pids
    )
