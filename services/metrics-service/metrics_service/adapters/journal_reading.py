"""Reading the whole journal in the order of its entities: for rebuilds and verifications."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_order import AggregateKey
from metrics_service.application.fold_recount import (
    ENTITY_CODES,
    FEEDING_CODES,
    RULE_CODES,
    JournalRow,
)

CHUNK: Final = 10_000

_ROWS: Final = """
    SELECT aggregate_id, aggregate_code, aggregate_seq, type_code, tenant_id,
        CASE WHEN type_code = ANY($2::smallint[]) THEN record END
    FROM journal WHERE aggregate_code = ANY($1::smallint[])"""
_RULES: Final = f"{_ROWS} ORDER BY tenant_id, aggregate_code, aggregate_id, aggregate_seq"
_ENTITIES: Final = f"{_ROWS} ORDER BY aggregate_id, aggregate_code, aggregate_seq"

_STEPPED_OVER: Final = """
    SELECT aggregate_code, aggregate_id, tenant_id, max(aggregate_seq) FROM dead_event
    WHERE stepped_over GROUP BY 1, 2, 3"""


class PostgresJournal:
    """The journal as one transaction sees it: the caller's, which must stay open."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def rules(self) -> list[JournalRow]:
        """Return every event about rules."""
        rows = await self._driver.fetch(_RULES, RULE_CODES, FEEDING_CODES)
        return [JournalRow(*row) for row in rows]

    async def entities(self) -> AsyncIterator[list[JournalRow]]:
        """Yield every event of entities, sorted, through a cursor."""
        cursor = await self._driver.cursor(_ENTITIES, ENTITY_CODES, FEEDING_CODES)
        while rows := await cursor.fetch(CHUNK):
            yield [JournalRow(*row) for row in rows]

    async def stepped_over(self) -> dict[AggregateKey, tuple[UUID, int]]:
        """Return the last sequence that each aggregate went on without."""
        rows = await self._driver.fetch(_STEPPED_OVER)
        return {(row[0], UUID(bytes=row[1].bytes)): (row[2], row[3]) for row in rows}
