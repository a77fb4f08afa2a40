"""How the outbox stands: what `/internal/status` of a service says about its relay."""

from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID

from sqlalchemy import text

from onefunnel.persistence.database import Database


class Standing(TypedDict):
    """How many events wait for the relay, and how long the oldest has waited."""

    depth: int
    oldest_age_s: float


_STANDING: Final = text(
    """SELECT count(*) AS depth,
              (SELECT event_id FROM outbox ORDER BY id LIMIT 1) AS oldest FROM outbox"""
)
# What a tenant is told: how much others write is none of its business.
_OF_TENANT: Final = text(
    """SELECT count(*) AS depth,
              (array_agg(event_id ORDER BY id))[1] AS oldest FROM outbox WHERE tenant_id = :tenant"""
)


async def outbox_standing(
    database: Database, now: datetime, tenant_id: UUID | None = None
) -> Standing:
    """Return how the outbox stands, over all tenants or for one; needs the worker role."""
    async with database.transaction() as conn:
        if tenant_id is None:
            row = (await conn.execute(_STANDING)).one()
        else:
            row = (await conn.execute(_OF_TENANT, {"tenant": tenant_id})).one()
    if row.oldest is None:
        return {"depth": 0, "oldest_age_s": 0.0}
    # A UUIDv7 begins with its milliseconds.
    born_s = int.from_bytes(row.oldest.bytes[:6]) / 1000
    return {"depth": row.depth, "oldest_age_s": round(max(0.0, now.timestamp() - born_s), 3)}
