"""Timelines of leads and deals, read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CompoundSelect, RowMapping, case, func, literal, null, select, union_all

from lead_service.adapters.personal import LINE
from lead_service.adapters.reading import Reading
from lead_service.adapters.tables import HISTORY, LEAD
from lead_service.application.queries import After
from lead_service.application.views import HistoryView
from onefunnel.persistence.database import Database
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.table import SUBJECT_KEY, VAULT

_ELSEWHERE: Final = {"left_at", "note"}  # worked out, and in the vault
_SHOWN: Final = tuple(name for name in HistoryView.__dataclass_fields__ if name != "note")
_COLUMNS: Final = tuple(n for n in HistoryView.__dataclass_fields__ if n not in _ELSEWHERE)
_WORDS: Final = (
    select(
        SUBJECT_KEY.c.subject_id.label("vault_subject"),
        SUBJECT_KEY.c.wrapped.label("vault_key"),
        VAULT.c.field.label("vault_field"),
        VAULT.c.version.label("vault_version"),
        VAULT.c.sealed.label("vault_sealed"),
    )
    .join_from(SUBJECT_KEY, VAULT, VAULT.c.subject_id == SUBJECT_KEY.c.subject_id)
    .where(VAULT.c.tenant_id == SUBJECT_KEY.c.tenant_id)
)


class StoredTimelines:
    """What happened, newest first; each stay in a state ends where the next one begins."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._reading = Reading(LINE, keyring)

    async def page(
        self, tenant_id: UUID, aggregate_id: UUID, *, after: After | None, limit: int
    ) -> Sequence[HistoryView]:
        """Return up to `limit` facts that are older than `after`."""
        lines = _lines(tenant_id, aggregate_id).subquery()
        moved = lines.c.from_state.is_distinct_from(lines.c.to_state)
        left = func.lead(lines.c.at).over(partition_by=moved, order_by=lines.c.sequence)
        facts = select(*lines.c, case((moved, left), else_=None).label("left_at")).subquery()
        question = select(*(facts.c[name] for name in _SHOWN)).order_by(facts.c.sequence.desc())
        if after is not None:
            question = question.where(facts.c.sequence < after[0])
        async with self._database.tenant(tenant_id) as conn:
            found = (await conn.execute(question.limit(limit))).mappings().all()
            fields = [f"{LINE.field}{row['sequence']}" for row in found]
            sealed = await conn.execute(
                _WORDS.where(
                    VAULT.c.tenant_id == tenant_id,
                    VAULT.c.subject_id == aggregate_id,
                    VAULT.c.field.in_(fields),
                )
            )
            words = {
                row["vault_field"]: self._reading.document(tenant_id, row)
                for row in sealed.mappings()
            }
        return [_view(row, words.get(field, {})) for row, field in zip(found, fields, strict=True)]


def _view(row: RowMapping, words: Mapping[str, Any]) -> HistoryView:
    """Return a line with its words, as they were before they were kept apart."""
    fields = dict(row)
    if (reason := words.get("reason")) is not None:
        fields["details"] = {**(row["details"] or {}), "reason": reason}
    return HistoryView(**fields, note=words.get("note"))


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
