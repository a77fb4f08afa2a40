"""Reactions in a process of their own: `reactions.py WORKER_URL LOG_URL`. Ends when its stdin ends."""

import asyncio
import sys

from onefunnel.log.consumer import Reactions
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import install_from_environment
from onefunnel.testing.small_service import GROUP, HANDLERS


async def main(worker_url: str, log_url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, stop.set)
    database = Database(worker_url, pool_size=2, name="reactions-child")
    log = PostgresLog(Database(log_url, pool_size=2, name="log-child"))
    await Reactions(database, log, GROUP, HANDLERS).run(stop)


install_from_environment()
asyncio.run(main(*sys.argv[1:]))
