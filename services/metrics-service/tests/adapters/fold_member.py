"""A worker of its own: `fold_member.py NAME METRICS_URL LOG_URL LEASE_S [OWNER_URL]`. Folds until its stdin ends.

Says "ready" and waits for a line before it begins; with the owner's URL it makes the database first.
"""

import asyncio
import sys

import uvloop

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.application.fold import Fold, Limits
from onefunnel.log import members
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.persistence.database import Database
from onefunnel.persistence.migrations import upgrade
from onefunnel.testing.faults import install_from_environment


async def main(
    name: str, metrics_url: str, log_url: str, lease_s: str, owner_url: str = ""
) -> None:
    install_from_environment()
    members.LEASE_S = float(lease_s)
    metrics = Database(metrics_url, pool_size=2, name=name)
    log = PostgresLog(Database(log_url, pool_size=2, name=name))
    limits = Limits(events=7, wait_s=0.1, look_after_s=float(lease_s) / 6)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, stop.set)
    if owner_url:
        await upgrade(owner_url, "metrics_service")
    await Fold(PostgresFoldStore(metrics, name), log, limits).run(stop)
    await log.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
