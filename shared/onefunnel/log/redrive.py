"""Applying a dead letter once more, because an operator asked for it."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.log import inbox
from onefunnel.log.arrivals import Arrival, Handler, parse
from onefunnel.log.dead_letters import DeadEvent, settle, take_redrive
from onefunnel.log.port import Partition
from onefunnel.log.turn import enter_tenant, try_handle
from onefunnel.persistence.database import Database, driver_of


async def redrive_next(database: Database, group: str, handlers: Mapping[str, Handler]) -> bool:
    """Apply the next letter whose redrive was asked for, in one transaction; say whether there was one.

    It is settled as redriven, or dead again with its new reason. One that was applied meanwhile by
    other means changes nothing.
    """
    async with database.transaction() as conn:
        letter = await take_redrive(driver_of(conn), group)
        if letter is None:
            return False
        reason = await _apply(conn, letter, handlers)
        if reason:
            await settle(driver_of(conn), letter, "dead", reason)
        else:
            await settle(driver_of(conn), letter, "redriven", letter.reason)
        return True


async def _apply(
    conn: AsyncConnection, letter: DeadEvent, handlers: Mapping[str, Handler]
) -> str | None:
    place = Partition(letter.topic, letter.partition)
    arrival = parse(place, letter.position, letter.record, handlers)
    if arrival.event is None or arrival.envelope is None:
        return arrival.fault or "nobody here reacts to its type"
    digest = inbox.digest_of(letter.record)
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
