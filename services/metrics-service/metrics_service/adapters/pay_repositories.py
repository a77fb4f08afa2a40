"""The repositories of the pay aggregates: rows to aggregates by hand, state and fact in one statement."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters import pay_tables as tables
from metrics_service.adapters.pay_words import ERASED, keep_reason, read_reasons
from metrics_service.adapters.views_situation import read_definitions
from metrics_service.application.ports import Saved, Tx
from metrics_service.domain.adjustment import Adjustment
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.period import ClosedPeriod
from metrics_service.domain.plan import Plan
from metrics_service.domain.quota import Quota
from metrics_service.projections.calendar import granularity_of
from metrics_service.projections.definitions import TenantCalendar
from onefunnel.clock import Clock
from onefunnel.errors import not_found
from onefunnel.events import Event
from onefunnel.events.envelope import Metadata, encode
from onefunnel.events.plans import PlanDocument
from onefunnel.events.values import Money, PersonId
from onefunnel.ids import derived_id
from onefunnel.outbox.writer import save
from onefunnel.vault.keyring import Keyring

A = TypeVar("A", Plan, Assignment, Quota, ClosedPeriod, Adjustment)

_SOURCE: Final = "onefunnel"  # what derives the ids of quotas and periods: we do


class _Rows:
    """Rows of one aggregate table in one transaction, with the versions they were loaded at."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, table: Table) -> None:
        self._conn = conn
        self._metadata = metadata
        self._table = table
        self._loaded: dict[UUID, tuple[int, int]] = {}

    async def load(self, identity: UUID) -> RowMapping | None:
        """Return the row and remember its version, for `save`."""
        query = select(self._table).where(
            self._table.c.tenant_id == self._metadata.tenant_id, self._table.c.id == identity
        )
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is not None:
            self._loaded[identity] = (row["version"], row["event_seq"])
        return row

    async def save(
        self, aggregate: A, identity: UUID, values: Mapping[str, object], *events: Event
    ) -> Saved[A]:
        """Write the row and its events in one statement; the row is new unless it was loaded."""
        version, sequence = self._loaded.get(identity, (0, 0))
        records = encode(events, self._metadata, after_sequence=sequence)
        row = {
            "tenant_id": self._metadata.tenant_id,
            "id": identity,
            "version": version + 1,
            "event_seq": sequence + len(records),
            **values,
        }
        await save(self._conn, self._table, row, seen=version or None, records=records)
        self._loaded[identity] = (version + 1, sequence + len(records))
        return Saved(aggregate, version + 1, records[-1].event_id if records else None)


class SqlPlans:
    """Plans in PostgreSQL."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._rows = _Rows(conn, metadata, tables.PLAN)

    async def get(self, plan_id: UUID) -> Plan:
        """Return the plan, or raise not-found."""
        row = await self._rows.load(plan_id)
        if row is None:
            raise not_found("plan")
        return plan_of(row)

    async def save(self, plan: Plan, event: Event) -> Saved[Plan]:
        """Save state and fact in one statement."""
        documents = [d.model_dump(mode="json", by_alias=True) for d in plan.versions]
        return await self._rows.save(plan, plan.id, {"documents": documents}, event)


class SqlAssignments:
    """Assignments in PostgreSQL."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._conn = conn
        self._metadata = metadata
        self._rows = _Rows(conn, metadata, tables.ASSIGNMENT)

    async def get(self, assignment_id: UUID) -> Assignment:
        """Return the assignment, or raise not-found."""
        row = await self._rows.load(assignment_id)
        if row is None:
            raise not_found("assignment")
        return assignment_of(row)

    async def of_person(self, person_id: UUID) -> list[Assignment]:
        """Return all assignments of a person, and keep others from adding one until the commit."""
        # Two requests that each see no overlap would make one together.
        await _lock(self._conn, f"{self._metadata.tenant_id}/assignment/{person_id}")
        query = select(tables.ASSIGNMENT).where(
            tables.ASSIGNMENT.c.tenant_id == self._metadata.tenant_id,
            tables.ASSIGNMENT.c.person_id == person_id,
        )
        return [assignment_of(row) for row in (await self._conn.execute(query)).mappings()]

    async def save(self, assignment: Assignment, event: Event) -> Saved[Assignment]:
        """Save state and fact in one statement."""
        values = {
            "person_id": assignment.person_id,
            "plan_id": assignment.plan_id,
            "from_date": assignment.from_,
            "to_date": assignment.to,
        }
        return await self._rows.save(assignment, assignment.id, values, event)


class SqlQuotas:
    """Quotas in PostgreSQL."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._tenant_id = metadata.tenant_id
        self._rows = _Rows(conn, metadata, tables.QUOTA)

    def id_of(self, person_id: UUID, measure: str, component: str | None, period: str) -> UUID:
        """Return the one id a quota with this subject has."""
        key = f"{person_id}/{measure}/{component or ''}/{period}"
        return derived_id(self._tenant_id, _SOURCE, "quota", key)

    async def save(self, quota: Quota, event: Event) -> Saved[Quota]:
        """Save state and fact in one statement, over an older quota with the same id if there is one."""
        await self._rows.load(quota.id)
        values = {
            "person_id": quota.person_id,
            "measure": quota.measure,
            "component": quota.component,
            "period": quota.period,
            "currency": quota.currency,
            "amount_minor": quota.amount_minor,
            "count": quota.count,
        }
        return await self._rows.save(quota, quota.id, values, event)


class SqlPeriods:
    """Closed periods in PostgreSQL."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._conn = conn
        self._metadata = metadata
        self._rows = _Rows(conn, metadata, tables.PERIOD)

    def id_of(self, name: str) -> UUID:
        """Return the one id a period of this name has."""
        return derived_id(self._metadata.tenant_id, _SOURCE, "period", name)

    async def latest_closed(self, granularity: str) -> str | None:
        """Return the newest closed period, and keep others from closing one until the commit."""
        await _lock(self._conn, f"{self._metadata.tenant_id}/period/{granularity}")
        period = tables.PERIOD.c
        query = select(func.max(period.name)).where(
            period.tenant_id == self._metadata.tenant_id, period.granularity == granularity
        )
        latest: str | None = (await self._conn.execute(query)).scalar_one()
        return latest

    async def calendar(self) -> TenantCalendar:
        """Return the tenant's zone, currency and first month of the year, as far as they are folded."""
        return (await read_definitions(self._conn)).calendar

    async def save(self, period: ClosedPeriod, event: Event) -> Saved[ClosedPeriod]:
        """Save state and fact in one statement."""
        values = {
            "name": period.name,
            "granularity": granularity_of(period.name),
            "closed_at": period.closed_at,
        }
        return await self._rows.save(period, period.id, values, event)


class SqlAdjustments:
    """Postings by hand in PostgreSQL."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, keyring: Keyring) -> None:
        self._conn = conn
        self._tenant_id = metadata.tenant_id
        self._keyring = keyring
        self._rows = _Rows(conn, metadata, tables.ADJUSTMENT)

    async def get(self, adjustment_id: UUID) -> Adjustment:
        """Return the adjustment, or raise not-found."""
        row = await self._rows.load(adjustment_id)
        if row is None:
            raise not_found("adjustment")
        (found,) = await adjustments_of([row], self._conn, self._keyring)
        return found

    async def save(self, adjustment: Adjustment, event: Event | None = None) -> Saved[Adjustment]:
        """Save state and fact, where there is one, in one statement; why is kept when it is proposed."""
        if adjustment.status == "proposed":
            await keep_reason(self._conn, self._tenant_id, self._keyring, adjustment)
        values = {
            "person_id": adjustment.person_id,
            "at": adjustment.at,
            "amount_minor": adjustment.amount.amount_minor,
            "currency": adjustment.amount.currency,
            "code": adjustment.code,
            "status": adjustment.status,
            "proposed_by": adjustment.proposed_by,
            "decided_by": adjustment.decided_by,
            "decided_at": adjustment.decided_at,
        }
        events = (event,) if event is not None else ()
        return await self._rows.save(adjustment, adjustment.id, values, *events)


def sql_tx(keyring: Keyring, clock: Clock, conn: AsyncConnection, metadata: Metadata) -> Tx:
    """Return everything a command may read and save in this transaction."""
    return Tx(
        plans=SqlPlans(conn, metadata),
        assignments=SqlAssignments(conn, metadata),
        quotas=SqlQuotas(conn, metadata),
        periods=SqlPeriods(conn, metadata),
        adjustments=SqlAdjustments(conn, metadata, keyring),
        clock=clock,
    )


def plan_of(row: RowMapping) -> Plan:
    """Return the plan in a row."""
    return Plan(row["id"], tuple(PlanDocument.model_validate(d) for d in row["documents"]))


def assignment_of(row: RowMapping) -> Assignment:
    """Return the assignment in a row."""
    return Assignment(
        id=row["id"],
        person_id=PersonId(row["person_id"]),
        plan_id=row["plan_id"],
        from_=row["from_date"],
        to=row["to_date"],
    )


async def adjustments_of(
    rows: Sequence[RowMapping], conn: AsyncConnection, keyring: Keyring
) -> list[Adjustment]:
    """Return the adjustments in rows of one tenant, with their reasons from the vault."""
    if not rows:
        return []
    people = {row["id"]: row["person_id"] for row in rows}
    said = await read_reasons(conn, rows[0]["tenant_id"], keyring, people)
    return [_adjustment_of(row, said.get(row["id"], ERASED)) for row in rows]


def _adjustment_of(row: RowMapping, reason: str) -> Adjustment:
    return Adjustment(
        id=row["id"],
        person_id=PersonId(row["person_id"]),
        at=row["at"],
        amount=Money(amount_minor=row["amount_minor"], currency=row["currency"]),
        reason=reason,
        code=row["code"],
        status=row["status"],
        proposed_by=row["proposed_by"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )


async def _lock(conn: AsyncConnection, subject: str) -> None:
    await conn.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))"), {"subject": subject}
    )
