"""How each kind of aggregate is stored and shown."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Table

from lead_service.adapters import tables
from lead_service.adapters.deal_rows import deal_of, deal_row, deal_status
from lead_service.adapters.directory_rows import (
    account_of,
    account_row,
    campaign_of,
    campaign_row,
    funnel_of,
    funnel_row,
    person_of,
    person_row,
    product_of,
    product_row,
    tenant_of,
    tenant_row,
)
from lead_service.adapters.lead_rows import lead_of, lead_row
from lead_service.adapters.personal import LEAD, PERSON, Personal
from lead_service.adapters.rows import Row
from lead_service.application import views
from lead_service.domain.deal import Deal
from lead_service.domain.directory import Account, Campaign, Person, Product
from lead_service.domain.funnel import Funnel
from lead_service.domain.lead import Lead
from lead_service.domain.tenant import Tenant

A = TypeVar("A")
V = TypeVar("V")

_CAPTURED: Final = ("captured_event_id", "captured_by", "captured_state")
_FIXED: Final = frozenset({"recorded_at", "external_source", "external_id", "fingerprint"})


@dataclass(frozen=True)
class Shape(Generic[A, V]):
    """How one kind of aggregate is stored and shown."""

    kind: str
    table: Table
    view: Callable[..., V]
    columns: tuple[str, ...]  # of the view
    to_row: Callable[[A], dict[str, Any]]
    from_row: Callable[[Row], A]
    status: Callable[[A], str] | None = None  # what its timeline follows; None keeps no timeline
    first_line: tuple[str, str, str] | None = (
        None  # columns for event, actor and state of its birth
    )
    fixed: frozenset[str] = field(default=_FIXED)  # never written again after the first time
    personal: Personal | None = None  # what of it is in the vault

    def show(self, row: Row) -> V:
        """Return the view of a row."""
        return self.view(**{name: row[name] for name in self.columns})

    def stored(self, row: Row, *, new: bool) -> dict[str, Any]:
        """Return what of a row goes into the table: nothing personal, and what is fixed only once."""
        names = self._columns if new else self._changing
        return {name: row[name] for name in names if name in row}

    # Looked up for every row: asking the table for each name cost more than sealing the contact.
    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return tuple(self.table.c.keys())

    @cached_property
    def _changing(self) -> tuple[str, ...]:
        return tuple(name for name in self._columns if name not in self.fixed)


def _shape(kind: str, table: Table, view: type[V], **rest: Any) -> Shape[Any, V]:
    return Shape(kind, table, view, tuple(view.__dataclass_fields__), **rest)  # type: ignore[attr-defined]


TENANTS: Final[Shape[Tenant, views.TenantView]] = _shape(
    "tenant", tables.TENANT, views.TenantView, to_row=tenant_row, from_row=tenant_of
)
PEOPLE: Final[Shape[Person, views.PersonView]] = _shape(
    "person",
    tables.PERSON,
    views.PersonView,
    to_row=person_row,
    from_row=person_of,
    personal=PERSON,
)
ACCOUNTS: Final[Shape[Account, views.AccountView]] = _shape(
    "account", tables.ACCOUNT, views.AccountView, to_row=account_row, from_row=account_of
)
PRODUCTS: Final[Shape[Product, views.ProductView]] = _shape(
    "product", tables.PRODUCT, views.ProductView, to_row=product_row, from_row=product_of
)
CAMPAIGNS: Final[Shape[Campaign, views.CampaignView]] = _shape(
    "campaign", tables.CAMPAIGN, views.CampaignView, to_row=campaign_row, from_row=campaign_of
)
FUNNELS: Final[Shape[Funnel, views.FunnelView]] = _shape(
    "funnel", tables.FUNNEL, views.FunnelView, to_row=funnel_row, from_row=funnel_of
)
LEADS: Final[Shape[Lead, views.LeadView]] = _shape(
    "lead",
    tables.LEAD,
    views.LeadView,
    to_row=lead_row,
    from_row=lead_of,
    status=lambda lead: lead.state.value,
    fixed=_FIXED | {*_CAPTURED},
    first_line=_CAPTURED,
    personal=LEAD,
)
DEALS: Final[Shape[Deal, views.DealView]] = _shape(
    "deal", tables.DEAL, views.DealView, to_row=deal_row, from_row=deal_of, status=deal_status
)
