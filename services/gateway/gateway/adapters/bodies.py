"""The bodies of deliveries: sealed with a key of their tenant and day, which can be destroyed.

A body is gone when its key is, wherever copies of the row may be.
"""

import secrets
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.application.sealing import Seal
from onefunnel.ids import new_id
from onefunnel.persistence.database import driver_of

KEY_BYTES: Final = 32
MAX_REMEMBERED: Final = 1_000
ROWS_DAYS: Final = (
    90  # so long it is known that something came in, and what was in it is known as known
)
_BATCH: Final = 1_000

_FIND: Final = """
SELECT id, sealed FROM body_key
WHERE day = $1 AND tenant_id = current_setting('app.tenant')::uuid"""
_MAKE: Final = """
INSERT INTO body_key (tenant_id, day, id, sealed)
VALUES (current_setting('app.tenant')::uuid, $1, $2, $3) ON CONFLICT DO NOTHING"""
_DESTROY: Final = "DELETE FROM body_key WHERE day < $1"
_EMPTY: Final = """
UPDATE delivery SET sealed = '', erased_at = now()
WHERE (tenant_id, id) IN (
    SELECT tenant_id, id FROM delivery WHERE erased_at IS NULL AND received_at < $1 LIMIT $2)"""
_FORGET: Final = """
WITH old AS (
    SELECT tenant_id, id FROM delivery WHERE received_at < $1 LIMIT $2
), keys AS (
    DELETE FROM delivery_key USING old
    WHERE delivery_key.tenant_id = old.tenant_id AND delivery_key.delivery_id = old.id
), reads AS (
    DELETE FROM record_read USING old
    WHERE record_read.tenant_id = old.tenant_id AND record_read.delivery_id = old.id
)
DELETE FROM delivery USING old WHERE delivery.tenant_id = old.tenant_id AND delivery.id = old.id"""


class BodySeals:
    """Seals bodies. What is remembered is only how today's are sealed: an old key has to be there to be used."""

    def __init__(self, installation: Seal) -> None:
        self._installation = installation
        self._today: OrderedDict[tuple[UUID, date], Seal] = OrderedDict()

    async def seal(
        self, conn: AsyncConnection, tenant_id: UUID, content: bytes, row: UUID, day: date
    ) -> bytes:
        """Return a body sealed with the key of its day, which is made by the first of the day."""
        seal = self._today.get((tenant_id, day))
        if seal is None:
            seal = await self._found(conn, day)
            if seal is not None:
                self._remember(tenant_id, day, seal)
            else:  # not remembered: this transaction may still fail, and the key with it
                seal = await self._made(conn, day)
        return seal.close(content, row)

    async def seal_of(self, conn: AsyncConnection, day: date | None) -> Seal | None:
        """Return what opens the bodies of a day, None where its key was destroyed."""
        return self._installation if day is None else await self._found(conn, day)

    async def _found(self, conn: AsyncConnection, day: date) -> Seal | None:
        kept = await driver_of(conn).fetchrow(_FIND, day)
        return Seal(self._installation.open(kept["sealed"], kept["id"])) if kept else None

    async def _made(self, conn: AsyncConnection, day: date) -> Seal:
        id_ = new_id()
        key = self._installation.close(secrets.token_bytes(KEY_BYTES), id_)
        await driver_of(conn).execute(_MAKE, day, id_, key)
        seal = await self._found(conn, day)
        assert seal is not None, "it was made now, or by somebody else just before"
        return seal

    def _remember(self, tenant_id: UUID, day: date, seal: Seal) -> None:
        if len(self._today) >= MAX_REMEMBERED:
            self._today.popitem(last=False)
        self._today[(tenant_id, day)] = seal


async def expire(conn: AsyncConnection, now: datetime, days: int) -> bool:
    """Destroy the keys and bodies that are older than so many days; say whether there may be more.

    Rows stay a while longer: that something came in, and that it was known already.
    """
    driver, day = driver_of(conn), now.astimezone(UTC).date() - timedelta(days=days)
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    await driver.execute(_DESTROY, day)
    emptied = await driver.execute(_EMPTY, midnight, _BATCH)
    rows_until = now - timedelta(days=max(days, ROWS_DAYS))
    forgotten = await driver.execute(_FORGET, rows_until, _BATCH)
    return any(_count(said) >= _BATCH for said in (emptied, forgotten))


def _count(said: str) -> int:
    return int(said.rpartition(" ")[2])
