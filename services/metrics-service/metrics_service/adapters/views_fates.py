"""What became of an event: one look into the journal, the parked and the dead."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.views_situation import enter_generation, read_freshness
from metrics_service.application.queries.wait import Fate

_FATE: Final = text("""
    SELECT EXISTS (SELECT 1 FROM journal WHERE event_id = :id),
           (SELECT reason FROM parked_event WHERE event_id = :id),
           (SELECT reason FROM dead_event WHERE event_id = :id AND status = 'open' LIMIT 1)""")


async def read_fate(conn: AsyncConnection, event_id: UUID) -> Fate:
    """Return what became of an event by now."""
    folded, parked, dead = (await conn.execute(_FATE, {"id": event_id})).one()
    if folded:
        return Fate("folded", None, 0)
    await enter_generation(conn)
    freshness = await read_freshness(conn)
    if parked or dead:
        return Fate("parked" if parked else "dead", parked or dead, freshness.lag_events)
    return Fate("unseen", None, freshness.lag_events)
