"""Timelines of leads and deals, read."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CompoundSelect, case, func, literal, null, select, union_all

from lead_service.adapters.tables import HISTORY, LEAD
from lead_service.application.queries import After
from lead_service.application.views import HistoryView
from onefunnel.persistence.database import Database

_COLUMNS: Final = tuple(name for name in HistoryView.__dataclass_fields__ if name != "left_at")


class StoredTimelines:
    """What happened, newest first; each stay in a state ends where the next one begins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, tenant_id: UUID, aggregate_id: UUID, *, after: After | None, limit: int
    ) -> Sequence[HistoryView]:
        """Return up to `limit` facts that are older than `after`."""
        lines = _lines(tenant_id, aggregate_id).subquery()
        moved = lines.c.from_state.is_distinct_from(lines.c.to_state)
        left = func.lead(lines.c.at).over(partition_by=moved, order_by=lines.c.sequence)
        facts = select(*lines.c, case((moved, left), else_=None).label("left_at")).subquery()
        names = HistoryView.__dataclass_fields__
        question = select(*(facts.c[name] for name in names)).order_by(facts.c.sequence.desc())
        if after is not None:
            question = question.where(facts.c.sequence < after[0])
        async with self._database.tenant(tenant_id) as conn:
            found = await conn.execute(question.limit(limit))
            return [HistoryView(**row) for row in found.mappings()]


def _lines(tenant_id: UUID, aggregate_id: UUID) -> CompoundSelect[Any]:
    """Select every line; the first one of a lead is in the lead's own row."""
    first = {
        "sequence": literal(1),
        "event_id": LEAD.c.captured_event_id,
        "what": literal("lead.captured"),
        "at": func.coalesce(LEAD.c.captured_at, LEAD.c.recorded_at),
        "actor_id": LEAD.c.captured_by,
        "to_state": LEAD.c.captured_state,
    }
    captured = [first[name] if name in first else LEAD.c.get(name, null()) for name in _COLUMNS]
    return union_all(
        select(*(HISTORY.c[name] for name in _COLUMNS)).where(
            HISTORY.c.tenant_id == tenant_id, HISTORY.c.aggregate_id == aggregate_id
        ),
        select(*captured).where(LEAD.c.tenant_id == tenant_id, LEAD.c.id == aggregate_id),
    )
