"""Reconciliations in PostgreSQL: how far each has got, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.tables import CRM_LANE, RECONCILIATION
from gateway.application.runs import Known
from gateway.domain.crm_api.calls import Mark
from gateway.domain.reconciliation import Difference, Reconciliation, Step, Total, Totals

_COUNTED: Final = "counted"
_RUN: Final = RECONCILIATION.c
_LATER: Final = text("now() + make_interval(secs => :in_s)")


class RunRepository:
    """The reconciliations that one database connection sees."""

    def __init__(self, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def running(self, connection_id: UUID) -> Reconciliation | None:
        """Return the one that is under way."""
        question = select(RECONCILIATION).where(
            _RUN.connection_id == connection_id, _RUN.status == "running"
        )
        row = (await self._conn.execute(question)).one_or_none()
        return _run_of(row) if row else None

    async def add(self, connection_id: UUID, run: Reconciliation) -> None:
        """Begin one; the lane is due at once."""
        row = {"tenant_id": self._tenant_id, "connection_id": connection_id, **_row_of(run)}
        await self._conn.execute(insert(RECONCILIATION).values(row))
        await self.later(connection_id, 0)

    async def save(self, run: Reconciliation) -> None:
        """Write it back."""
        await self._conn.execute(
            update(RECONCILIATION).where(_RUN.id == run.id).values(_row_of(run))
        )

    async def known(self, connection_id: UUID) -> Known:
        """Return what earlier ones have read."""
        question = select(CRM_LANE.c.marks).where(CRM_LANE.c.connection_id == connection_id)
        marks: dict[str, str] = (await self._conn.execute(question)).scalar_one()
        times = {name: datetime.fromisoformat(at) for name, at in marks.items()}
        counted_at = times.pop(_COUNTED, None)
        return Known(times, counted_at)

    async def ended(self, connection_id: UUID, known: Known, next_in_s: float) -> None:
        """Note what was read, and when the lane is due again."""
        marks = {name: at.isoformat() for name, at in known.since.items()}
        if known.counted_at is not None:
            marks[_COUNTED] = known.counted_at.isoformat()
        await self._conn.execute(
            update(CRM_LANE).where(CRM_LANE.c.connection_id == connection_id).values(marks=marks)
        )
        await self.later(connection_id, next_in_s)

    async def later(self, connection_id: UUID, in_s: float) -> None:
        """Say when the lane is due again, by the database's clock."""
        await self._conn.execute(
            update(CRM_LANE)
            .where(CRM_LANE.c.connection_id == connection_id)
            .values(reconcile_at=_LATER),
            {"in_s": in_s},
        )

    async def after(
        self, connection_id: UUID, last: UUID | None, limit: int
    ) -> Sequence[Reconciliation]:
        """Return `limit` reconciliations of a connection after `last`, newest first."""
        question = select(RECONCILIATION).where(_RUN.connection_id == connection_id)
        if last is not None:
            question = question.where(_RUN.id < last)
        rows = await self._conn.execute(question.order_by(_RUN.id.desc()).limit(limit))
        return [_run_of(row) for row in rows]


def _row_of(run: Reconciliation) -> dict[str, Any]:
    return {
        "id": run.id,
        "cause": run.cause,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "read": run.read,
        "told": run.told,
        "progress": {
            "steps": [asdict(step) for step in run.steps],
            "at": run.at,
            "mark": {"since": run.mark.since.isoformat(), "after": run.mark.after},
            "since": _texts(run.since),
            "newest": _texts(run.newest),
        },
        "totals": {
            "theirs": _totals_json(run.theirs),
            "ours": _totals_json(run.ours),
            "differing": run.differing,
            "samples": [asdict(one) for one in run.samples],
        },
        "faults": [run.fault] if run.fault else [],
    }


def _run_of(row: Row[Any]) -> Reconciliation:
    progress, totals = row.progress, row.totals
    return Reconciliation(
        id=row.id,
        cause=row.cause,
        started_at=row.started_at,
        steps=tuple(Step(**step) for step in progress["steps"]),
        at=progress["at"],
        mark=Mark(datetime.fromisoformat(progress["mark"]["since"]), progress["mark"]["after"]),
        since=_times(progress["since"]),
        newest=_times(progress["newest"]),
        read=row.read,
        told=row.told,
        theirs=_totals_of(totals["theirs"]),
        ours=_totals_of(totals["ours"]),
        differing=totals["differing"],
        samples=tuple(Difference(**one) for one in totals["samples"]),
        status=row.status,
        finished_at=row.finished_at,
        fault=next(iter(row.faults), None),
    )


def _texts(times: Mapping[str, datetime]) -> dict[str, str]:
    return {name: at.isoformat() for name, at in times.items()}


def _times(texts: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(at) for name, at in texts.items()}


def _totals_json(totals: Totals) -> list[list[Any]]:
    return [[*group, total.count, str(total.amount)] for group, total in totals.items()]


def _totals_of(rows: Sequence[Sequence[Any]]) -> Totals:
    return {
        (kind, standing, currency): Total(count, Decimal(amount))
        for kind, standing, currency, count, amount in rows
    }
