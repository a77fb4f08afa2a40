"""A relay in a process of its own: `relay.py WORKER_URL LOG_URL`. Ends when its stdin ends."""

import asyncio
import sys

from onefunnel.log.postgres_log import PostgresLog
from onefunnel.outbox.relay import Relay
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import install_from_environment
from onefunnel.testing.small_service import SOURCE
from onefunnel.wakeups import Wakeups


async def main(worker_url: str, log_url: str) -> None:
    stop, wakeups = asyncio.Event(), Wakeups()
    asyncio.get_running_loop().add_reader(0, lambda: (stop.set(), wakeups.wake()))
    database = Database(worker_url, pool_size=1, name="relay-child")
    log_database = Database(log_url, pool_size=1, name="log-child")
    await Relay(database, PostgresLog(log_database), SOURCE, wakeups.listen()).run(stop)


install_from_environment()
asyncio.run(main(*sys.argv[1:]))
