"""Running reactions of the small service in a test, and looking at what they did."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import orjson

from onefunnel.ids import new_id
from onefunnel.log.arrivals import Handler
from onefunnel.log.consumer import Reactions
from onefunnel.log.port import EventLog, Partition
from onefunnel.log.turn import Interest
from onefunnel.persistence.database import Database, DriverConnection
from onefunnel.testing.small_service import GROUP, HANDLERS, TOPIC, accepted
from onefunnel.testing.waiting import until


@asynccontextmanager
async def reacting(
    worker: Database,
    log: EventLog,
    handlers: Mapping[str, Handler] = HANDLERS,
    *,
    interest: Interest | None = None,
) -> AsyncIterator[None]:
    """Run reactions while the block runs, then stop them in order."""
    stop = asyncio.Event()
    task = asyncio.create_task(Reactions(worker, log, GROUP, handlers, interest=interest).run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


def values_of(n: int, *, after: int = 0, lead: UUID | None = None) -> list[bytes]:
    """Return the records of `n` events of one lead."""
    return [record.value for record in accepted(lead or new_id(), after, n)]


async def caught_up(owner: DriverConnection, log: EventLog) -> None:
    """Wait until everything in the topic was passed over."""
    places = [Partition(TOPIC, number) for number in range(12)]
    ends = sum((await log.end_positions(places)).values())
    await until(
        lambda: owner.fetchval("SELECT sum(next_position) = $1 FROM stream_partition", ends)
    )


async def effects(owner: DriverConnection) -> list[UUID]:
    """Return the events that took effect, as often as they did."""
    return [row["event_id"] for row in await owner.fetch("SELECT event_id FROM effect ORDER BY 1")]


def ids_of(values: Iterable[bytes]) -> list[UUID]:
    """Return the ids of records, each once, in order."""
    return sorted({UUID(orjson.loads(value)["id"]) for value in values})


class Letter(NamedTuple):
    """What a test wants to know of a record that was put aside."""

    id: int
    status: str
    reason: str
    type: str | None
    tenant_id: UUID | None
    position: int
    attempts: int
    actor: str | None
    record: bytes


async def dead(owner: DriverConnection, *statuses: str) -> list[Letter]:
    """Return the records put aside that are of certain statuses, the open ones unless told."""
    rows = await owner.fetch(
        "SELECT id, status, reason, type, tenant_id, position, attempts, actor, record"
        " FROM dead_event WHERE status = ANY($1) ORDER BY id",
        list(statuses or ("open",)),
    )
    return [Letter(*row) for row in rows]


async def halted(owner: DriverConnection) -> bool:
    """Say whether exactly one partition is halted."""
    query = "SELECT count(*) = 1 FROM stream_partition WHERE status = 'halted'"
    return bool(await owner.fetchval(query))
