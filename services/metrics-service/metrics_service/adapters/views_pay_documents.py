"""Lists of the pay aggregates, page by page."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    RowMapping,
    Table,
    Uuid,
    cast,
    exists,
    func,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters import pay_tables as tables
from metrics_service.adapters.pay_repositories import adjustments_of, assignment_of, plan_of
from metrics_service.application.queries.pay_documents import Closed
from metrics_service.domain.adjustment import Adjustment, Status
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.plan import Plan
from metrics_service.domain.quota import Quota
from onefunnel.events.values import PersonId
from onefunnel.reach import Span
from onefunnel.vault.keyring import Keyring


class SqlPayDocuments:
    """The lists of one read; row level security keeps them to the tenant."""

    def __init__(self, conn: AsyncConnection, keyring: Keyring) -> None:
        self._conn = conn
        self._keyring = keyring

    async def plans(
        self, *, after: UUID | None, limit: int, seen: Sequence[Span] | None = None
    ) -> Sequence[Plan]:
        """Return plans with all their versions; of `seen` people, those they were assigned to meanwhile."""
        more = None
        if seen is not None:
            paid_by = select(tables.ASSIGNMENT.c.plan_id).where(_seen_while_assigned(seen))
            more = tables.PLAN.c.id.in_(paid_by)
        return [plan_of(row) for row in await self._page(tables.PLAN, {}, after, limit, more)]

    async def assignments(
        self,
        *,
        person: UUID | None,
        plan: UUID | None,
        after: UUID | None,
        limit: int,
        seen: Sequence[Span] | None = None,
    ) -> Sequence[Assignment]:
        """Return assignments of a person or to a plan; of `seen` people, those of the days they are seen."""
        where = {"person_id": person, "plan_id": plan}
        more = None if seen is None else _seen_while_assigned(seen)
        rows = await self._page(tables.ASSIGNMENT, where, after, limit, more)
        return [assignment_of(row) for row in rows]

    async def assignment(self, assignment_id: UUID) -> Assignment | None:
        """Return one assignment, None if there is none."""
        query = select(tables.ASSIGNMENT).where(tables.ASSIGNMENT.c.id == assignment_id)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        return assignment_of(row) if row else None

    async def quotas(
        self,
        *,
        person: UUID | None,
        period: str | None,
        after: UUID | None,
        limit: int,
        pairs: Sequence[tuple[UUID, str]] | None = None,
    ) -> Sequence[Quota]:
        """Return quotas of a person or a period; with `pairs` only of these people in these periods."""
        quota = tables.QUOTA.c
        more = None if pairs is None else tuple_(quota.person_id, quota.period).in_(pairs)
        where = {"person_id": person, "period": period}
        return [_quota(row) for row in await self._page(tables.QUOTA, where, after, limit, more)]

    async def quota_pairs(self, people: Sequence[UUID]) -> Sequence[tuple[UUID, str]]:
        """Return some people with the periods for which they have a quota."""
        quota = tables.QUOTA.c
        query = select(quota.person_id, quota.period).where(quota.person_id.in_(people)).distinct()
        return [(person, period) for person, period in await self._conn.execute(query)]

    async def periods(self, *, after: str | None, limit: int) -> Sequence[Closed]:
        """Return closed periods by name."""
        period = tables.PERIOD.c
        query = select(period.name, period.closed_at).order_by(period.name).limit(limit)
        if after is not None:
            query = query.where(period.name > after)
        return [Closed(row.name, row.closed_at) for row in await self._conn.execute(query)]

    async def adjustments(
        self,
        *,
        person: UUID | None,
        status: Status | None,
        after: UUID | None,
        limit: int,
        seen: Sequence[Span] | None = None,
    ) -> Sequence[Adjustment]:
        """Return adjustments of a person; of `seen` people, those of the days they are seen."""
        at = cast(func.timezone("UTC", tables.ADJUSTMENT.c.at), Date)
        more = None if seen is None else _seen(seen, tables.ADJUSTMENT.c.person_id, at, at)
        where = {"person_id": person, "status": status}
        rows = await self._page(tables.ADJUSTMENT, where, after, limit, more)
        return await adjustments_of(rows, self._conn, self._keyring)

    async def adjustment(self, adjustment_id: UUID) -> Adjustment | None:
        """Return one adjustment, None if there is none."""
        query = select(tables.ADJUSTMENT).where(tables.ADJUSTMENT.c.id == adjustment_id)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        found = await adjustments_of([row] if row else [], self._conn, self._keyring)
        return found[0] if found else None

    async def _page(
        self,
        table: Table,
        where: Mapping[str, Any],
        after: UUID | None,
        limit: int,
        more: ColumnElement[bool] | None = None,
    ) -> Sequence[RowMapping]:
        query = select(table).order_by(table.c.id).limit(limit)
        if more is not None:
            query = query.where(more)
        for name, value in where.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        if after is not None:
            query = query.where(table.c.id > after)
        return (await self._conn.execute(query)).mappings().all()


def _seen_while_assigned(seen: Sequence[Span]) -> ColumnElement[bool]:
    assignment = tables.ASSIGNMENT.c
    last = func.coalesce(assignment.to_date, date.max)
    return _seen(seen, assignment.person_id, assignment.from_date, last)


def _seen(
    seen: Sequence[Span], person: ColumnElement[Any], first: Any, last: Any
) -> ColumnElement[bool]:
    """Return the condition that a person was seen on a day between two."""
    days = (
        func.unnest(
            cast([span.person for span in seen], ARRAY(Uuid)),
            cast([span.first for span in seen], ARRAY(Date)),
            cast([span.last for span in seen], ARRAY(Date)),
        )
        .table_valued("person", "first", "last", name="seen")
        .render_derived()
    )
    on_one = (days.c.person == person) & (days.c.first <= last) & (days.c.last >= first)
    return exists(select(1).select_from(days).where(on_one))


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
