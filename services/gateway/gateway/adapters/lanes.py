"""Lanes to CRMs in PostgreSQL: who may ask now, and what there is to ask."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.repositories import Transactions
from gateway.application.fetching import LEASE_S, Lane, LaneLost, Waiting
from onefunnel.persistence.database import driver_of

# The database's clock alone decides; the epoch is what a worker that slept too long is known by.
_CLAIM: Final = """
UPDATE crm_lane SET epoch = epoch + 1, leased_until = now() + make_interval(secs => $1)
WHERE (tenant_id, connection_id) = (
    SELECT lane.tenant_id, lane.connection_id
    FROM crm_lane AS lane
    JOIN connection ON connection.tenant_id = lane.tenant_id AND connection.id = lane.connection_id
    WHERE lane.leased_until <= now() AND lane.rest_until <= now()
      AND connection.state = 'active' AND connection.access IS NOT NULL
      AND (lane.reconcile_at <= now() OR lane.channel_at <= now() OR EXISTS (
          SELECT FROM record_read AS read
          WHERE read.tenant_id = lane.tenant_id AND read.connection_id = lane.connection_id
            AND NOT read.parked))
    ORDER BY lane.rest_until LIMIT 1 FOR UPDATE OF lane SKIP LOCKED)
RETURNING tenant_id, connection_id, epoch, failures, reconcile_at <= now(), channel_at <= now()"""
_HOLD: Final = """
SELECT epoch FROM crm_lane WHERE tenant_id = $1 AND connection_id = $2 FOR UPDATE"""
_LET_GO: Final = """
UPDATE crm_lane SET leased_until = '-infinity', rest_until = now() + make_interval(secs => $4),
    failures = $5, trouble = $6
WHERE tenant_id = $1 AND connection_id = $2 AND epoch = $3"""
_CHANNEL_LATER: Final = """
UPDATE crm_lane SET channel_at = now() + $3 WHERE tenant_id = $1 AND connection_id = $2"""
_WAITING: Final = """
WITH first AS (
    SELECT kind, alone FROM record_read
    WHERE tenant_id = $1 AND connection_id = $2 AND NOT parked
    ORDER BY alone, delivery_id LIMIT 1
), record AS (
    SELECT read.external_id, read.kind
    FROM record_read AS read JOIN first USING (kind, alone)
    WHERE read.tenant_id = $1 AND read.connection_id = $2 AND NOT read.parked
    GROUP BY read.external_id, read.kind ORDER BY min(read.delivery_id::text)
    LIMIT CASE WHEN (SELECT alone FROM first) THEN 1 ELSE $3::int END
)
SELECT delivery_id, kind, external_id, change, attempts, alone
FROM record_read JOIN record USING (kind, external_id)
WHERE tenant_id = $1 AND connection_id = $2 AND NOT parked
ORDER BY delivery_id, external_id"""
_DONE: Final = """
DELETE FROM record_read USING unnest($3::uuid[], $4::text[]) AS gone (delivery_id, external_id)
WHERE tenant_id = $1 AND connection_id = $2 AND kind = $5
  AND record_read.delivery_id = gone.delivery_id AND record_read.external_id = gone.external_id"""
_FAILED: Final = """
UPDATE record_read SET attempts = attempts + 1, alone = alone OR $6, parked = $7
FROM unnest($3::uuid[], $4::text[]) AS one (delivery_id, external_id)
WHERE tenant_id = $1 AND connection_id = $2 AND kind = $5
  AND record_read.delivery_id = one.delivery_id AND record_read.external_id = one.external_id"""


class DatabaseLanes:
    """All lanes, under the worker role."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def claim(self) -> Lane | None:
        """Take a lane in which there is something to do, None if there is none that is free."""
        async with self._database.transaction() as conn:
            row = await driver_of(conn).fetchrow(_CLAIM, LEASE_S)
        return Lane(*row) if row else None


class LaneRepository:
    """One lane in the transaction of a turn."""

    def __init__(self, conn: AsyncConnection, lane: Lane) -> None:
        self._driver = driver_of(conn)
        self._lane = lane
        self._key = (lane.tenant_id, lane.connection_id)

    async def hold(self) -> None:
        """Lock the lane for the rest of the transaction. Raises `LaneLost`."""
        if await self._driver.fetchval(_HOLD, *self._key) != self._lane.epoch:
            raise LaneLost

    async def waiting(self, limit: int) -> Sequence[Waiting]:
        """Return all that wait for up to `limit` records of one kind; one to be asked alone comes alone."""
        return [Waiting(*row) for row in await self._driver.fetch(_WAITING, *self._key, limit)]

    async def done(self, waiting: Sequence[Waiting]) -> None:
        """Take them off the list."""
        if waiting:
            await self._driver.execute(_DONE, *self._key, *_named(waiting))

    async def failed(self, waiting: Sequence[Waiting], *, alone: bool, park: bool) -> None:
        """Count one more attempt; those that are parked wait for a person."""
        if waiting:
            await self._driver.execute(_FAILED, *self._key, *_named(waiting), alone, park)

    async def channel_later(self, by: timedelta) -> None:
        """Say when the connection's channel is to be renewed, by the database's clock."""
        await self._driver.execute(_CHANNEL_LATER, *self._key, by)

    async def let_go(self, *, rest_s: float, failures: int, trouble: str | None) -> None:
        """Give the lane back; nobody has it before the rest is over."""
        await self._driver.execute(_LET_GO, *self._key, self._lane.epoch, rest_s, failures, trouble)


def _named(waiting: Sequence[Waiting]) -> tuple[list[object], list[str], str]:
    ids = [one.delivery_id for one in waiting]
    return list(ids), [one.external_id for one in waiting], waiting[0].kind
