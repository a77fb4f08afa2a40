"""A sealer in a process of its own, without a rest: `sealer.py WORKER_URL`. Killed by the test."""

import asyncio
import sys

from onefunnel.audit.sealer import keep_sealing
from onefunnel.persistence.database import Database
from onefunnel.testing.auditing import KEY


async def main(worker_url: str) -> None:
    database = Database(worker_url, pool_size=1, name="sealer-child")
    await keep_sealing(database, KEY, asyncio.Event(), every_s=0.001)


asyncio.run(main(*sys.argv[1:]))
