"""Reads, straight from SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.errors import not_found
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes
from scoring_service.adapters.definitions import SqlDefinitionReads, version_from, versions_of
from scoring_service.adapters.leads import SqlLeadReads
from scoring_service.adapters.ratings import cases_of, decision_of
from scoring_service.adapters.tables import (
    DEFINITION_VERSION,
    LEAD_RATING,
    RATING,
    RECONCILIATION,
)
from scoring_service.application.queries import CaseFilter, CaseView, RatingsView
from scoring_service.domain.agreement import Version
from scoring_service.domain.lead_rating import Rating
from scoring_service.domain.parties import person_of


class SqlViews:
    """Reads of one tenant in one transaction."""

    def __init__(self, keyring: Keyring, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id
        self._notes = Notes(driver_of(conn), tenant_id, keyring)
        self.definitions = SqlDefinitionReads(conn, tenant_id)
        self.leads = SqlLeadReads(conn, tenant_id)

    async def version(self, number: int) -> Version:
        """Return a version of the definition."""
        query = versions_of(self._tenant_id).where(DEFINITION_VERSION.c.number == number)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("version of the definition")
        return version_from(row)

    async def versions(self, *, below: int | None, limit: int) -> list[Version]:
        """Return versions, newest first."""
        query = versions_of(self._tenant_id).order_by(DEFINITION_VERSION.c.number.desc())
        if below is not None:
            query = query.where(DEFINITION_VERSION.c.number < below)
        rows = await self._conn.execute(query.limit(limit))
        return [version_from(row) for row in rows.mappings()]

    async def ratings(self, lead_id: UUID) -> RatingsView:
        """Return all that is known of a lead's ratings."""
        query = select(LEAD_RATING).where(
            LEAD_RATING.c.tenant_id == self._tenant_id, LEAD_RATING.c.id == lead_id
        )
        row = (await self._conn.execute(query)).mappings().one_or_none()
        history = await self._history(lead_id)
        if row is None:
            return RatingsView(lead_id, None, None, None, None, history)
        decision = await decision_of(row, self._notes)
        return RatingsView(
            lead_id, row["marketing"], row["sales"], decision, row["case_id"], history
        )

    async def _history(self, lead_id: UUID) -> tuple[Rating, ...]:
        query = (
            select(RATING)
            .where(RATING.c.tenant_id == self._tenant_id, RATING.c.lead_id == lead_id)
            .order_by(RATING.c.rated_at, RATING.c.id)
        )
        return tuple(
            Rating(
                side=row["side"],
                score=row["score"],
                reason=row["reason"],
                rater_id=person_of(row["rater_id"]),
                rated_at=row["rated_at"],
                definition_version=row["definition_version"],
            )
            for row in (await self._conn.execute(query)).mappings()
        )

    async def cases(self, wanted: CaseFilter) -> list[CaseView]:
        """Return cases in the order in which they were opened."""
        table = RECONCILIATION
        query = select(table).where(table.c.tenant_id == self._tenant_id)
        if wanted.status is not None:
            decided = table.c.decided_at.is_not(None)
            query = query.where(decided if wanted.status == "decided" else ~decided)
        if wanted.after is not None:
            query = query.where(tuple_(table.c.opened_at, table.c.id) > tuple_(*wanted.after))
        found = await self._conn.execute(
            query.order_by(table.c.opened_at, table.c.id).limit(wanted.limit)
        )
        return await self._cases(found.mappings().all())

    async def case(self, case_id: UUID) -> CaseView:
        """Return a case."""
        table = RECONCILIATION
        query = select(table).where(table.c.tenant_id == self._tenant_id, table.c.id == case_id)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("reconciliation")
        (view,) = await self._cases([row])
        return view

    async def _cases(self, rows: Sequence[RowMapping]) -> list[CaseView]:
        cases = await cases_of(rows, self._notes)
        return [CaseView(row["lead_id"], case) for row, case in zip(rows, cases, strict=True)]
