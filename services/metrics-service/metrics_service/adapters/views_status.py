"""How far the fold is and what waits, straight from its own tables."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.fold_turn import GROUP
from metrics_service.application.queries.status import Generation, TopicStanding, Waiting
from onefunnel.log import halts
from onefunnel.log.halts import Halted
from onefunnel.persistence.database import driver_of

_TOPICS: Final = text("""
    SELECT topic,
           max(to_timestamp(('x' || left(replace(last_event_id::text, '-', ''), 12))::bit(48)::bigint
               / 1000.0)) AS last_event_at,
           sum(greatest(end_position - next_position, 0))::bigint AS lag_events,
           bool_or(status = 'halted') AS halted
    FROM stream_partition GROUP BY topic ORDER BY topic""")

_WAITING: Final = text("""
    SELECT (SELECT count(*) FROM parked_event)::int AS parked,
           (SELECT count(*) FROM dead_event WHERE status = 'open')::int AS dead,
           (SELECT count(*) FROM rederive)::int AS rederiving""")

_GENERATION: Final = text("SELECT live, previous FROM projection_generation")


class SqlStatusRows:
    """The rows of status for one read, in a transaction that has entered the live generation."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def topics(self) -> list[TopicStanding]:
        """Return every topic."""
        found = await self._conn.execute(_TOPICS)
        return [
            TopicStanding(row.topic, row.last_event_at, row.lag_events, row.halted) for row in found
        ]

    async def halted(self) -> list[Halted]:
        """Return every halted partition."""
        return await halts.halted(driver_of(self._conn), GROUP)

    async def waiting(self) -> Waiting:
        """Return what waits, of this tenant."""
        row = (await self._conn.execute(_WAITING)).one()
        return Waiting(row.parked, row.dead, row.rederiving)

    async def generation(self) -> Generation:
        """Return the live generation."""
        row = (await self._conn.execute(_GENERATION)).one()
        return Generation(row.live, row.previous)
