"""A lead service of its own process that kills itself at a named point of its next write."""

import asyncio
import os
import signal
import sys

import httpx

from lead_service.main import build
from onefunnel import faults
from onefunnel.clock import SystemClock
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime
from onefunnel.wakeups import Wakeups


class Kills:
    """Kills the process, as a power cut would."""

    def point(self, name: str) -> None:
        if name == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    database = Database(sys.argv[1], pool_size=2, name="dying")
    worker = Database(sys.argv[5], pool_size=1, name="dying")
    runtime = Runtime(
        database=lambda _: database,
        worker_database=lambda _: worker,
        log=None,  # type: ignore[arg-type]
        clock=SystemClock(),
        internal_key=bytes.fromhex(sys.argv[4]),
        client=None,  # type: ignore[arg-type]
        wake=lambda: None,
        wakeups=Wakeups(),
        close=database.close,
    )
    transport = httpx.ASGITransport(build(runtime).app)
    headers = {"Onefunnel-Principal": sys.argv[2], "Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://lead") as client:
        faults.install(Kills())
        await client.post("/v1/batches", content=sys.stdin.buffer.read(), headers=headers)


asyncio.run(main())
