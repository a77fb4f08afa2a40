"""Everything that is known of one person, for that person."""

from typing import Any, Final
from uuid import UUID

from lead_service.adapters.repositories import Unit
from lead_service.application.views import ExportedFact, ExportedWords, SubjectExport
from lead_service.domain.erasure import SubjectKind
from onefunnel.errors import not_found
from onefunnel.persistence.arrays import array
from onefunnel.persistence.database import driver_of

# Their own words, and those on the deal that a lead became.
_WHOSE: Final[dict[SubjectKind, str]] = {
    "lead": "SELECT id, deal_id FROM lead WHERE tenant_id = $1 AND id = $2",
    "person": "SELECT id, NULL::uuid AS deal_id FROM person WHERE tenant_id = $1 AND id = $2",
}
_FACTS: Final = """
SELECT event_id, what, at FROM history WHERE tenant_id = $1 AND aggregate_id = ANY($2::text::uuid[])
UNION ALL SELECT captured_event_id, 'lead.captured', coalesce(captured_at, recorded_at)
FROM lead WHERE tenant_id = $1 AND id = ANY($2::text::uuid[])
ORDER BY at, event_id"""


class StoredExports:
    """Exports in one open transaction, which writes down who asked."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def of(self, kind: SubjectKind, subject_id: UUID) -> SubjectExport:
        """Return what is known; raise not-found, or `gone` if it was erased."""
        driver, tenant_id = driver_of(self._unit.conn), self._unit.metadata.tenant_id
        row: Any = await driver.fetchrow(_WHOSE[kind], tenant_id, subject_id)
        if row is None:
            raise not_found(kind)
        whose = sorted({row["id"], row["deal_id"]} - {None})
        words = await self._unit.vault.everything(whose, must_be_there=subject_id)
        facts = await driver.fetch(_FACTS, tenant_id, array("uuid", whose))
        return SubjectExport(
            subject_id,
            kind,
            [ExportedWords(w.subject_id, w.field, w.version, w.document) for w in words],
            [ExportedFact(fact["event_id"], fact["what"], fact["at"]) for fact in facts],
        )
