"""What CRMs told, kept beside the leads and deals that follow it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters.tables import CRM_RECORD
from lead_service.domain.crm import CrmRecord, Word
from lead_service.domain.values import External
from onefunnel.events.envelope import Envelope
from onefunnel.persistence.database import driver_of

# In the order of the ids, so that no two transactions wait for each other.
_HOLD: Final = """
SELECT pg_advisory_xact_lock(hashtext($1), hashtext(id)) FROM unnest($2::text[]) AS id"""


class StoredCrmRecords:
    """In the open transaction of a reaction."""

    def __init__(self, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def find(self, id_: UUID) -> CrmRecord | None:
        """Return the record, locked for change, or None."""
        found = await self._conn.execute(
            select(CRM_RECORD)
            .where(CRM_RECORD.c.tenant_id == self._tenant_id, CRM_RECORD.c.id == id_)
            .with_for_update()
        )
        row = found.mappings().one_or_none()
        return _record_of(dict(row)) if row is not None else None

    async def awaiting(self, id_: UUID) -> Sequence[CrmRecord]:
        """Return the records that name a lead or deal which was not here, locked for change."""
        found = await self._conn.execute(
            select(CRM_RECORD)
            .where(CRM_RECORD.c.tenant_id == self._tenant_id, CRM_RECORD.c.awaits == id_)
            .order_by(CRM_RECORD.c.id)
            .with_for_update()
        )
        return [_record_of(dict(row)) for row in found.mappings()]

    async def hold(self, ids: Collection[UUID]) -> None:
        """Let nobody else follow these leads and deals until the transaction ends.

        Of two records that name each other and come at once, the later one sees the earlier one.
        """
        ordered = sorted(map(str, ids))
        await driver_of(self._conn).execute(_HOLD, str(self._tenant_id), ordered)

    async def save(self, record: CrmRecord) -> None:
        """Write a record, whether it was there or not."""
        values = _row_of(record)
        now = func.now() if record.problem else None
        since = func.coalesce(CRM_RECORD.c.problem_since, now) if record.problem else None
        await self._conn.execute(
            insert(CRM_RECORD)
            .values(tenant_id=self._tenant_id, id=record.id, problem_since=now, **values)
            .on_conflict_do_update(
                index_elements=["tenant_id", "id"], set_={**values, "problem_since": since}
            )
        )


def stored_records(conn: AsyncConnection, envelope: Envelope) -> StoredCrmRecords:
    """Return the records of the tenant that an event is of."""
    return StoredCrmRecords(conn, envelope.tenantid)


def _row_of(record: CrmRecord) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "external_source": record.external.source,
        "external_id": record.external.id,
        "words": {
            name: [[word.at.isoformat(), word.tie, word.value] for word in words]
            for name, words in record.words.items()
        },
        "passed": sorted([at.isoformat(), step] for at, step in record.passed),
        "awaits": record.awaits,
        "problem": record.problem,
    }


def _record_of(row: dict[str, Any]) -> CrmRecord:
    return CrmRecord(
        id=row["id"],
        kind=row["kind"],
        external=External(row["external_source"], row["external_id"]),
        words={
            name: tuple(Word(datetime.fromisoformat(at), tie, value) for at, tie, value in words)
            for name, words in row["words"].items()
        },
        passed=frozenset((datetime.fromisoformat(at), step) for at, step in row["passed"]),
        awaits=row["awaits"],
        problem=row["problem"],
    )
