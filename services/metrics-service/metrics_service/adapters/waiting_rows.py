"""Parked events: each waits for the one before it in its aggregate."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_codes import TOPIC_CODE, TOPIC_NAME
from metrics_service.application.fold_routes import Incoming, read
from onefunnel.persistence.arrays import array, arrays, placeholder, placeholders

_RECORDS: Final = f"""
    SELECT event_id, record FROM parked_event WHERE event_id = ANY({placeholder(1, "uuid")})
    UNION ALL
    SELECT event_id, record FROM dead_event WHERE event_id = ANY({placeholder(1, "uuid")})"""

_PARKED: Final = """
    SELECT topic_code, partition, position, record FROM parked_event WHERE aggregate_id = ANY($1)
    ORDER BY aggregate_id, aggregate_code, aggregate_seq, parked_at, event_id"""

_KINDS: Final = ("uuid", "uuid", "uuid", "int", *["smallint"] * 3, "bigint", "bytea")

_PARK: Final = f"""
    INSERT INTO parked_event (event_id, tenant_id, aggregate_id, aggregate_seq, aggregate_code,
        topic_code, partition, position, record, reason)
    SELECT w.*, CASE WHEN EXISTS (
        SELECT FROM key_hold h
        WHERE h.aggregate_id = w.aggregate_id AND h.aggregate_code = w.aggregate_code
    ) THEN 'held' ELSE 'gap' END
    FROM unnest({placeholders(_KINDS)}) AS w (event_id, tenant_id, aggregate_id, aggregate_seq,
        aggregate_code, topic_code, partition, position, record)"""

_UNPARK: Final = "DELETE FROM parked_event WHERE event_id = ANY($1)"


async def records(driver: Driver, ids: Sequence[UUID]) -> dict[int, list[bytes]]:
    """Return the bytes parked or dead under each event id, by its number."""
    found: dict[int, list[bytes]] = {}
    for event_id, record in await driver.fetch(_RECORDS, array("uuid", ids)):
        found.setdefault(event_id.int, []).append(record)
    return found


async def parked(driver: Driver, aggregate_ids: Sequence[UUID]) -> list[Incoming]:
    """Return what is parked for aggregates, in the order of their sequences."""
    rows = await driver.fetch(_PARKED, aggregate_ids)
    return [read((TOPIC_NAME[row[0]], row[1]), row[2], row[3]) for row in rows]


async def park(driver: Driver, events: Sequence[Incoming]) -> None:
    """Keep events that wait for an earlier one."""
    if not events:
        return
    rows = (
        (i.event_id, i.tenant_id, i.id, i.sequence, i.route.aggregate_code,
         TOPIC_CODE[i.partition[0]], i.partition[1], i.position, i.record)
        for i in events
    )  # fmt: skip
    await driver.execute(_PARK, *arrays(_KINDS, rows))


async def unpark(driver: Driver, ids: Sequence[UUID]) -> None:
    """Forget events that wait no longer."""
    if ids:
        await driver.execute(_UNPARK, ids)
