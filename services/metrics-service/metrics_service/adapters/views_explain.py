"""The events behind entities, from the journal."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.application.fold_codes import AGGREGATE_CODE, TYPE_NAME
from metrics_service.application.queries.explain_answer import EntityKind, SeenEvent

# A lead is fed by its own events, its scores and its ratings.
_FED_BY: Final[Mapping[EntityKind, tuple[str, ...]]] = {
    "deal": ("deal",),
    "lead": ("lead", "lead_score", "lead_rating"),
    "asset": ("asset",),
}

_EVENTS: Final = text("""
    SELECT j.aggregate_id, j.event_id, j.type_code, j.occurred_at
    FROM unnest(CAST(:codes AS smallint[]), CAST(:ids AS uuid[])) AS e (code, id)
    JOIN journal j ON j.aggregate_code = e.code AND j.aggregate_id = e.id
        AND j.aggregate_seq IS NOT NULL
    ORDER BY j.aggregate_id, j.occurred_at, j.aggregate_code, j.aggregate_seq""")


class SqlExplainRows:
    """The events behind entities, for one read."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def events(
        self, entities: Sequence[tuple[EntityKind, UUID]]
    ) -> Mapping[UUID, list[SeenEvent]]:
        """Return the folded events of entities, in their order."""
        fed = [(AGGREGATE_CODE[name], id_) for kind, id_ in entities for name in _FED_BY[kind]]
        values = {"codes": [code for code, _ in fed], "ids": [id_ for _, id_ in fed]}
        found: dict[UUID, list[SeenEvent]] = {}
        for id_, event_id, type_code, happened_at in await self._conn.execute(_EVENTS, values):
            seen = SeenEvent(event_id, TYPE_NAME[type_code], happened_at)
            found.setdefault(id_, []).append(seen)
        return found
