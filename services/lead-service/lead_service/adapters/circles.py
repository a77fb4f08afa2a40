"""The people around a caller, and whose a lead or a deal is, straight from SQL."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters import tables
from lead_service.application.queries import OwnedKind
from onefunnel.errors import not_found
from onefunnel.persistence.database import Database
from onefunnel.reach import Chart, Circle, Place

MAX_CHARTS: Final = 64
_OWNED: Final[Mapping[OwnedKind, Table]] = {"lead": tables.LEAD, "deal": tables.DEAL}


class StoredCircles:
    """Reads the org chart once for each of its states: people are never deleted, versions only grow."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._charts: OrderedDict[tuple[UUID, int], Chart] = OrderedDict()

    async def around(self, tenant_id: UUID, person_id: UUID | None) -> Circle:
        """Return the people around a person, as the chart has them now."""
        async with self._database.tenant(tenant_id) as conn:
            return Circle(person_id, await self._chart(conn, tenant_id))

    async def owner(self, tenant_id: UUID, kind: OwnedKind, id_: UUID) -> UUID | None:
        """Return whose a thing is, None if nobody's; raise not-found."""
        table = _OWNED[kind]
        question = select(table.c.owner_id).where(table.c.tenant_id == tenant_id, table.c.id == id_)
        async with self._database.tenant(tenant_id) as conn:
            row = (await conn.execute(question)).one_or_none()
        if row is None:
            raise not_found(kind)
        owner: UUID | None = row.owner_id
        return owner

    async def is_credited(self, tenant_id: UUID, deal_id: UUID, person_id: UUID) -> bool:
        """Say whether a deal was booked to a person's credit, among others or alone."""
        deal = tables.DEAL.c
        booked = deal.booking.contains({"credits": [{"person_id": str(person_id)}]})
        question = select(booked).where(deal.tenant_id == tenant_id, deal.id == deal_id)
        async with self._database.tenant(tenant_id) as conn:
            return bool((await conn.execute(question)).scalar_one_or_none())

    async def _chart(self, conn: AsyncConnection, tenant_id: UUID) -> Chart:
        person = tables.PERSON.c
        mine = person.tenant_id == tenant_id
        state = (await conn.execute(select(func.sum(person.version)).where(mine))).scalar_one()
        key = tenant_id, int(state or 0)
        if key not in self._charts:
            found = await conn.execute(select(person.id, person.memberships).where(mine))
            self._charts[key] = {
                row.id: [_place(m) for m in row.memberships or ()] for row in found
            }
            if len(self._charts) > MAX_CHARTS:
                self._charts.popitem(last=False)
        return self._charts[key]


def _place(stored: Mapping[str, Any]) -> Place:
    manager = stored.get("manager_id")
    return Place(
        date.fromisoformat(stored["from"]) if stored.get("from") else date.min,
        date.fromisoformat(stored["to"]) if stored.get("to") else date.max,
        UUID(manager) if manager else None,
        stored.get("team"),
    )
