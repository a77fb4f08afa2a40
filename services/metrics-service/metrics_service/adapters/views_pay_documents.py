"""Lists of the pay aggregates, page by page."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters import pay_tables as tables
from metrics_service.adapters.pay_repositories import assignment_of, plan_of
from metrics_service.application.queries.pay_documents import Closed
from metrics_service.domain.adjustment import Adjustment
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.plan import Plan
from metrics_service.domain.quota import Quota
from onefunnel.events.values import Money, PersonId


class SqlPayDocuments:
    """The lists of one read; row level security keeps them to the tenant."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def plans(self, *, after: UUID | None, limit: int) -> Sequence[Plan]:
        """Return plans with all their versions."""
        return [plan_of(row) for row in await self._page(tables.PLAN, {}, after, limit)]

    async def assignments(
        self, *, person: UUID | None, plan: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Assignment]:
        """Return assignments of a person or to a plan."""
        where = {"person_id": person, "plan_id": plan}
        rows = await self._page(tables.ASSIGNMENT, where, after, limit)
        return [assignment_of(row) for row in rows]

    async def quotas(
        self, *, person: UUID | None, period: str | None, after: UUID | None, limit: int
    ) -> Sequence[Quota]:
        """Return quotas of a person or a period."""
        rows = await self._page(tables.QUOTA, {"person_id": person, "period": period}, after, limit)
        return [_quota(row) for row in rows]

    async def periods(self, *, after: str | None, limit: int) -> Sequence[Closed]:
        """Return closed periods by name."""
        period = tables.PERIOD.c
        query = select(period.name, period.closed_at).order_by(period.name).limit(limit)
        if after is not None:
            query = query.where(period.name > after)
        return [Closed(row.name, row.closed_at) for row in await self._conn.execute(query)]

    async def adjustments(
        self, *, person: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Adjustment]:
        """Return adjustments of a person."""
        rows = await self._page(tables.ADJUSTMENT, {"person_id": person}, after, limit)
        return [_adjustment(row) for row in rows]

    async def _page(
        self, table: Table, where: Mapping[str, Any], after: UUID | None, limit: int
    ) -> Sequence[RowMapping]:
        query = select(table).order_by(table.c.id).limit(limit)
        for name, value in where.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        if after is not None:
            query = query.where(table.c.id > after)
        return (await self._conn.execute(query)).mappings().all()


def _quota(row: RowMapping) -> Quota:
    return Quota(
        id=row["id"],
        person_id=PersonId(row["person_id"]),
        measure=row["measure"],
        period=row["period"],
        component=row["component"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        count=row["count"],
    )


def _adjustment(row: RowMapping) -> Adjustment:
    return Adjustment(
        id=row["id"],
        person_id=PersonId(row["person_id"]),
        at=row["at"],
        amount=Money(amount_minor=row["amount_minor"], currency=row["currency"]),
        reason=row["reason"],
        code=row["code"],
    )
