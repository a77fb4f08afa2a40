"""A sender in a process of its own: `dying_sender.py WORKER_URL KEY`. Ends when its stdin ends."""

import asyncio
import sys

from gateway.adapters.sending import DatabaseClaims
from gateway.application.sealing import Seal
from gateway.entrypoints.sender import Sender
from onefunnel.clock import SystemClock
from onefunnel.http.outgoing import Outgoing, Rules
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import install_from_environment
from onefunnel.wakeups import Wakeups


async def main(worker_url: str, key: str) -> None:
    stop, wakeups = asyncio.Event(), Wakeups()
    asyncio.get_running_loop().add_reader(0, stop.set)
    claims = DatabaseClaims(Database(worker_url, pool_size=2, name="dying-sender"))
    seal, rules = Seal(bytes.fromhex(key)), Rules(loopback=True)
    sender = Sender(claims, lambda: Outgoing(rules), seal, SystemClock(), wakeups.listen())
    await sender.run(stop)


install_from_environment()
asyncio.run(main(*sys.argv[1:]))
