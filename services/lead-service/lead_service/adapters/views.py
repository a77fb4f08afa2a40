"""Reads: straight from SQL to views, each in a transaction that sees one tenant."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Uuid,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.types import Date, DateTime

from lead_service.adapters import tables
from lead_service.adapters.circles import StoredCircles
from lead_service.adapters.crm_standing import StoredCrmStanding
from lead_service.adapters.personal import ACTIVITY, LEAD, PERSON, SPEND
from lead_service.adapters.reading import Reading
from lead_service.adapters.timelines import StoredTimelines
from lead_service.application import views
from lead_service.application.queries import After, Filters, Queries
from onefunnel.errors import not_found
from onefunnel.persistence.database import Database
from onefunnel.reach import Owners
from onefunnel.vault.keyring import Keyring

V = TypeVar("V")


class StoredReads(Generic[V]):
    """One kind of resource, listed by `sort`, ascending or newest first."""

    def __init__(
        self,
        database: Database,
        table: Table,
        view: Callable[..., V],
        *sort: str,
        newest_first: bool = False,
        personal: Reading | None = None,
        owner: ColumnElement[Any] | None = None,
    ) -> None:
        self._database = database
        self._table = table
        self._view = view
        self._personal = personal
        names = list(view.__dataclass_fields__)  # type: ignore[attr-defined]
        self._columns = personal.columns(table, names) if personal else [table.c[n] for n in names]
        self._sort = sort
        self._newest_first = newest_first
        self._owner = owner
        # Built once: building a question anew costs more than asking it.
        self._one = self._question().where(
            table.c.tenant_id == bindparam("tenant"), table.c.id == bindparam("wanted")
        )

    async def get(self, tenant_id: UUID, id_: UUID) -> V:
        """Return one resource; raise not-found."""
        asked = {"tenant": tenant_id, "wanted": id_}
        async with self._database.tenant(tenant_id) as conn:
            row = (await conn.execute(self._one, asked)).mappings().one_or_none()
        if row is None:
            raise not_found(self._table.name)
        if self._personal is None:
            return self._view(**row)
        return self._view(**self._personal.opened(tenant_id, row, strictly=self._table.name))

    async def page(
        self,
        tenant_id: UUID,
        filters: Filters,
        *,
        after: After | None,
        limit: int,
        owners: Owners | None = None,
    ) -> Sequence[V]:
        """Return up to `limit` resources of `owners` that follow `after`, in the order of `key_of`."""
        keys = [self._table.c[name] for name in self._sort]
        question = self._question().where(self._table.c.tenant_id == tenant_id)
        for name, value in filters.items():
            if value is not None:
                question = question.where(self._table.c[name] == value)
        if owners is not None and not owners.everybody:
            assert self._owner is not None, "this belongs to nobody"
            question = question.where(_belongs(self._owner, owners))
        if after is not None:
            question = question.where(self._follows(keys, after))
        ordered = [key.desc() for key in keys] if self._newest_first else keys
        async with self._database.tenant(tenant_id) as conn:
            found = await conn.execute(question.order_by(*ordered).limit(limit))
            rows = found.mappings().all()
        if self._personal is None:
            return [self._view(**row) for row in rows]
        return [self._view(**self._personal.opened(tenant_id, row)) for row in rows]

    def _question(self) -> Select[Any]:
        question = select(*self._columns)
        return (
            question.select_from(self._personal.joined(self._table)) if self._personal else question
        )

    def key_of(self, view: object) -> After:
        """Return the sort key of a resource."""
        return tuple(_text(getattr(view, name)) for name in self._sort)

    def _follows(self, keys: Sequence[Any], after: After) -> ColumnElement[bool]:
        values = tuple_(
            *(literal(_value(key, part), key.type) for key, part in zip(keys, after, strict=True))
        )
        row = tuple_(*keys)
        return row < values if self._newest_first else row > values


def _belongs(owner: ColumnElement[Any], owners: Owners) -> ColumnElement[bool]:
    """Return the condition that `owner in owners` is in Python."""
    others = owner.not_in(owners.listed) & owner.is_not(None)
    known = others if owners.all_but else owner.in_(owners.listed)
    return known | owner.is_(None) if owners.unowned else known


_DEALS_OWNER: Final = (
    select(tables.DEAL.c.owner_id)
    .where(
        tables.DEAL.c.tenant_id == tables.ACTIVITY.c.tenant_id,
        tables.DEAL.c.id == tables.ACTIVITY.c.deal_id,
    )
    .scalar_subquery()
)


def _text(value: object) -> str | int | None:
    if isinstance(value, int) or value is None:
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _value(key: Any, part: str | int | None) -> object:
    if isinstance(key.type, Uuid):
        return UUID(str(part))
    if isinstance(key.type, DateTime):
        return datetime.fromisoformat(str(part))
    if isinstance(key.type, Date):
        return datetime.fromisoformat(str(part)).date()
    return part


_NAMED: Final = {
    "account": tables.ACCOUNT,
    "product": tables.PRODUCT,
    "campaign": tables.CAMPAIGN,
    "deal": tables.DEAL,
}
_SEALED: Final = {"person": (tables.PERSON, PERSON), "lead": (tables.LEAD, LEAD)}


class StoredNames:
    """Words for ids."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def of(self, tenant_id: UUID, wanted: Mapping[str, Sequence[UUID]]) -> Mapping[UUID, str]:
        """Return the names of those that exist; one without a name goes by the key it came with."""
        questions = [
            select(
                table.c.id, func.coalesce(table.c.name, table.c.external_id).label("name")
            ).where(table.c.tenant_id == tenant_id, table.c.id.in_(wanted[kind]))
            for kind, table in _NAMED.items()
            if wanted.get(kind)
        ]
        names: dict[UUID, str] = {}
        async with self._database.tenant(tenant_id) as conn:
            if questions:
                found = await conn.execute(union_all(*questions))
                names = {row.id: row.name for row in found if row.name is not None}
            for kind, (table, personal) in _SEALED.items():
                if wanted.get(kind):
                    reading = Reading(personal, self._keyring)
                    names |= await reading.names(conn, tenant_id, table, wanted[kind])
        return names


def stored_queries(database: Database, keyring: Keyring) -> Queries:
    """Return every read over one database."""
    t, v = tables, views
    person, lead = Reading(PERSON, keyring), Reading(LEAD, keyring)
    activity, spent = Reading(ACTIVITY, keyring), Reading(SPEND, keyring)
    newest: Any = partial(StoredReads, database, newest_first=True)
    return Queries(
        tenants=StoredReads(database, t.TENANT, v.TenantView, "id"),
        people=StoredReads(database, t.PERSON, v.PersonView, "id", personal=person),
        accounts=StoredReads(database, t.ACCOUNT, v.AccountView, "name", "id"),
        products=StoredReads(database, t.PRODUCT, v.ProductView, "name", "id"),
        campaigns=StoredReads(database, t.CAMPAIGN, v.CampaignView, "name", "id"),
        spend=StoredReads(database, t.SPEND, v.SpendView, "spent_on", "id", personal=spent),
        funnels=StoredReads(database, t.FUNNEL, v.FunnelView, "code"),
        leads=newest(
            t.LEAD, v.LeadView, "recorded_at", "id", owner=t.LEAD.c.owner_id, personal=lead
        ),
        deals=newest(t.DEAL, v.DealView, "recorded_at", "id", owner=t.DEAL.c.owner_id),
        activities=newest(
            t.ACTIVITY, v.ActivityView, "at", "id", owner=_DEALS_OWNER, personal=activity
        ),
        erasures=newest(t.ERASURE, v.ErasureView, "requested_at", "id"),
        timelines=StoredTimelines(database, keyring),
        names=StoredNames(database, keyring),
        crm=StoredCrmStanding(database),
        circles=StoredCircles(database),
    )
