"""Events that were not applied: parked ones, which wait for another, and dead ones, with a reason."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_codes import TOPIC_CODE, TOPIC_NAME
from metrics_service.application.fold_order import Dead
from metrics_service.application.fold_routes import Incoming, Spot, read

_RECORDS: Final = """
    SELECT event_id, record FROM parked_event WHERE event_id = ANY($1)
    UNION ALL SELECT event_id, record FROM dead_event WHERE event_id = ANY($1)"""

_PARKED: Final = """
    SELECT topic_code, partition, position, record FROM parked_event WHERE aggregate_id = ANY($1)
    ORDER BY aggregate_id, aggregate_code, aggregate_seq, parked_at, event_id"""

_PARK: Final = """
    INSERT INTO parked_event (event_id, tenant_id, aggregate_id, aggregate_seq, aggregate_code,
        topic_code, partition, position, record, reason)
    SELECT w.*, CASE WHEN EXISTS (
        SELECT FROM key_hold h
        WHERE h.aggregate_id = w.aggregate_id AND h.aggregate_code = w.aggregate_code
    ) THEN 'held' ELSE 'gap' END
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::smallint[], $6::smallint[],
        $7::smallint[], $8::bigint[], $9::bytea[])
        AS w (event_id, tenant_id, aggregate_id, aggregate_seq, aggregate_code, topic_code,
            partition, position, record)"""

_UNPARK: Final = "DELETE FROM parked_event WHERE event_id = ANY($1)"

_BURY: Final = """
    INSERT INTO dead_event (event_id, tenant_id, aggregate_id, aggregate_seq, aggregate_code,
        topic_code, partition, position, type, reason, detail, record)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING dead_id"""

_HOLD: Final = """
    INSERT INTO key_hold (dead_id, tenant_id, aggregate_id, aggregate_code)
    VALUES ($1, $2, $3, $4)"""

_WAIT_FOR_IT: Final = """
    UPDATE parked_event SET reason = 'held' WHERE aggregate_id = $1 AND aggregate_code = $2"""


async def records(driver: Driver, ids: Collection[UUID]) -> dict[UUID, list[bytes]]:
    """Return the bytes parked or dead under each event id."""
    found: dict[UUID, list[bytes]] = {}
    for event_id, record in await driver.fetch(_RECORDS, ids):
        found.setdefault(event_id, []).append(record)
    return found


async def parked(driver: Driver, aggregate_ids: Sequence[UUID]) -> list[Incoming]:
    """Return what is parked for aggregates, in the order of their sequences."""
    rows = await driver.fetch(_PARKED, aggregate_ids)
    return [read(Spot(TOPIC_NAME[row[0]], row[1], row[2]), row[3]) for row in rows]


async def park(driver: Driver, events: Sequence[Incoming]) -> None:
    """Keep events that wait for an earlier one."""
    if not events:
        return
    rows = (
        (i.event_id, i.tenant_id, i.id, i.sequence, i.route.aggregate_code,
         TOPIC_CODE[i.spot.topic], i.spot.partition, i.spot.position, i.record)
        for i in events
    )  # fmt: skip
    await driver.execute(_PARK, *zip(*rows, strict=True))


async def unpark(driver: Driver, ids: Sequence[UUID]) -> None:
    """Forget events that wait no longer."""
    if ids:
        await driver.execute(_UNPARK, ids)


async def bury(driver: Driver, dead: Sequence[Dead]) -> None:
    """Keep dead events, one by one: there are few, and each may hold its key."""
    for one in dead:
        spot, what = one.spot, one.what
        dead_id = await driver.fetchval(
            _BURY, what.event_id, what.tenant_id, what.aggregate_id, what.sequence,
            what.aggregate_code, TOPIC_CODE[spot.topic], spot.partition, spot.position,
            what.type, one.reason, one.detail, one.record,
        )  # fmt: skip
        if one.holds and what.aggregate_id is not None:
            key = (what.aggregate_id, what.aggregate_code)
            await driver.execute(_HOLD, dead_id, what.tenant_id, *key)
            await driver.execute(_WAIT_FOR_IT, *key)
