"""The whole embedded stack as a user runs it: `onefunnel up` on a directory of its own."""

import asyncio
import json
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from onefunnel.persistence.local_server import LocalServer
from standalone.host.lock import read_owner
from standalone.host.postgres import server_of

READY_S = 180
COMMAND = (sys.executable, "-m", "standalone")


@dataclass
class Running:
    """One data directory and the host that runs on it."""

    data: Path
    port: int

    @property
    def server(self) -> LocalServer:
        """Return its PostgreSQL."""
        return server_of(self.data)

    @property
    def postgres(self) -> int:
        """Return the process id of its PostgreSQL."""
        found = self.server.pid()
        assert found
        return found

    def pid(self, name: str) -> int:
        """Return the process id of `web` or `worker`."""
        owner = read_owner(self.data)
        assert owner
        return owner.children[name].pid

    def session(self) -> aiohttp.ClientSession:
        """Return an HTTP client of the tenant's admin."""
        key = json.loads((self.data / "keys.json").read_text())["main"]["admin"]
        return aiohttp.ClientSession(
            f"http://127.0.0.1:{self.port}",
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        )

    async def folded(self) -> None:
        """Wait until every event that was written is in the numbers."""
        async with self.session() as session:
            while not await _is_relayed(session):
                await asyncio.sleep(0.05)
            relayed_at = datetime.now(UTC)
            while not await _is_folded(session, relayed_at):
                await asyncio.sleep(0.05)


async def _is_relayed(session: aiohttp.ClientSession) -> bool:
    status = (await (await session.get("/v1/status")).json())["services"]
    return not any(one["detail"]["outbox"]["depth"] for one in status.values() if one["detail"])


async def _is_folded(session: aiohttp.ClientSession, since: datetime) -> bool:
    answer = await (await session.get("/v1/sales-performance")).json()
    return datetime.fromisoformat(answer["as_of"]) > since and not answer["stale"]


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    """Start the stack without the demo company; leave nothing of it behind."""
    with tempfile.TemporaryDirectory(prefix="onefunnel-bench-") as folder:
        stack = Running(Path(folder) / "data", _free_port())
        host = await asyncio.create_subprocess_exec(
            *COMMAND, "up", "--no-demo", "--data", str(stack.data), "--port", str(stack.port),
            stdin=DEVNULL, stdout=DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            await _serving(host)
            draining = asyncio.create_task(_drained(host))
            yield stack
            draining.cancel()
        finally:
            if host.returncode is None:
                host.terminate()
            await host.wait()


async def _serving(host: Process) -> None:
    """Wait until the host says what to do next."""
    assert host.stderr
    said = b""
    async with asyncio.timeout(READY_S):
        while b"Next " not in said:
            line = await host.stderr.readline()
            assert line, said.decode(errors="replace")
            said += line


async def _drained(host: Process) -> None:
    assert host.stderr
    while await host.stderr.readline():
        pass


def _free_port() -> int:
    """Return a free port below the range that the system hands out by itself."""
    for port in range(20_000 + os.getpid() % 8_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")
