"""A worker of its own, to be killed: folds the log until nothing is left, or rebuilds, and says so."""

import asyncio
import sys

import uvloop

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.application.fold import Fold, Limits
from metrics_service.application.rebuild import rebuild
from onefunnel.events.topics import TOPICS
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import install_from_environment

PARTITIONS = sum(topic.partitions for topic in TOPICS)


async def fold(metrics: Database, log: PostgresLog) -> None:
    # The same name every time: its leases need not run out before the next one may go on.
    store = PostgresFoldStore(metrics, "child")
    worker = Fold(store, log, Limits(events=7, wait_s=0, look_after_s=0))
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    while await behind(metrics):
        await asyncio.sleep(0.01)
    stop.set()
    await running


async def behind(metrics: Database) -> bool:
    async with metrics.driver() as driver:
        return bool(
            await driver.fetchval(
                f"SELECT count(*) < {PARTITIONS} OR bool_or(seen_at IS NULL OR next_position < end_position)"
                " FROM stream_partition"
            )
        )


async def main(what: str, metrics_url: str, log_url: str) -> None:
    install_from_environment()
    metrics = Database(metrics_url, pool_size=2, name="child")
    log_database = Database(log_url, pool_size=2, name="child")
    log = PostgresLog(log_database)
    if what == "fold":
        await fold(metrics, log)
    else:
        await rebuild(PostgresGenerations(metrics))
    await log.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
