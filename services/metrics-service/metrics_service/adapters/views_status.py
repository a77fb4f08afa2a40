"""How far the fold is and what waits, straight from its own tables."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.fold_turn import GROUP
from metrics_service.application.fold_codes import TOPIC_CODE
from metrics_service.application.queries.status import Generation, TopicStanding, Waiting
from onefunnel.log import halts
from onefunnel.log.halts import Halted
from onefunnel.persistence.database import driver_of

# Of one tenant each: what others write moves nothing here, and makes nobody read again.
_HEADS: Final = text("""
    SELECT topic_code, max(recorded_at) AS last_event_at FROM journal_head GROUP BY topic_code""")

_PARKED: Final = text("""
    SELECT topic_code, count(*)::int AS parked FROM parked_event GROUP BY topic_code""")

_HALTED: Final = text("""
    SELECT topic, bool_or(status = 'halted') AS halted FROM stream_partition GROUP BY topic""")

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
        heads = {row.topic_code: row.last_event_at for row in await self._conn.execute(_HEADS)}
        parked = {row.topic_code: row.parked for row in await self._conn.execute(_PARKED)}
        halted = {row.topic: row.halted for row in await self._conn.execute(_HALTED)}
        return [
            TopicStanding(topic, heads.get(code), parked.get(code, 0), halted.get(topic, False))
            for topic, code in TOPIC_CODE.items()
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
