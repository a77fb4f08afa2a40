"""What an operator can do about a dead letter of reactions: apply it once more, or leave it out for good."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.audit.entry import Marked
from onefunnel.audit.rows import add
from onefunnel.log import inbox
from onefunnel.log.arrivals import Arrival, Handler, parse
from onefunnel.log.dead_letters import Kept, fail_again, free, next_waiting, open_dead, settle
from onefunnel.log.port import Partition
from onefunnel.log.turn import enter_tenant, try_handle
from onefunnel.persistence.database import Database, driver_of

Outcome = Literal["redriven", "still-dead"]


async def redrive(
    database: Database,
    group: str,
    handlers: Mapping[str, Handler],
    tenant_id: UUID,
    dead_id: int,
    by: Marked,
) -> Outcome:
    """Apply a dead letter as if it came now, and what waited for it, in one transaction with its audit.

    Raises `already-decided` if it is settled: a second time, or a second operator, changes nothing.
    """
    async with database.transaction() as conn:
        driver = driver_of(conn)
        letter = await open_dead(driver, group, tenant_id, dead_id)
        await add(driver, by)
        if reason := await _apply(conn, letter, handlers):
            await fail_again(driver, letter, reason)
            return "still-dead"
        await settle(driver, letter, "redriven", by.entry.principal_id)
        await _drain(conn, letter, handlers)
        return "redriven"


async def discard(
    database: Database,
    group: str,
    handlers: Mapping[str, Handler],
    tenant_id: UUID,
    dead_id: int,
    by: Marked,
) -> None:
    """Give a dead letter up for good and apply what waited for it; its bytes stay. Raises if it is settled."""
    async with database.transaction() as conn:
        letter = await open_dead(driver_of(conn), group, tenant_id, dead_id)
        await add(driver_of(conn), by)
        await settle(driver_of(conn), letter, "discarded", by.entry.principal_id)
        await _drain(conn, letter, handlers)


async def _drain(conn: AsyncConnection, letter: Kept, handlers: Mapping[str, Handler]) -> None:
    """Apply what waited for the letter's key, in order, up to the first that can never be applied."""
    driver = driver_of(conn)
    while waiting := await next_waiting(driver, letter):
        if reason := await _apply(conn, waiting, handlers):
            await fail_again(driver, waiting, reason)
        else:
            await free(driver, waiting)


async def _apply(conn: AsyncConnection, kept: Kept, handlers: Mapping[str, Handler]) -> str | None:
    place = Partition(kept.topic, kept.partition)
    arrival = parse(place, kept.position, kept.record, handlers)
    if arrival.event is None or arrival.envelope is None:
        return arrival.fault or "nobody here reacts to its type"
    digest = inbox.digest_of(kept.record)
    before = await inbox.known(driver_of(conn), [arrival.envelope.id])
    if before:
        return (
            None if before[arrival.envelope.id] == digest else "its id was taken by another record"
        )
    return await _first_time(conn, arrival, handlers, digest)


async def _first_time(
    conn: AsyncConnection, arrival: Arrival, handlers: Mapping[str, Handler], digest: bytes
) -> str | None:
    assert arrival.envelope is not None
    await enter_tenant(conn, arrival.envelope.tenantid)
    reason = await try_handle(conn, handlers, arrival)
    if reason is None:
        await inbox.add(driver_of(conn), {arrival.envelope.id: digest})
    return reason
