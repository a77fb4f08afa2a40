"""From aggregate to row and back, by hand, kind by kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Table

from lead_service.adapters import tables
from lead_service.application import views
from lead_service.domain.booking import Booking
from lead_service.domain.deal import Deal, DealState, Loss, Terms
from lead_service.domain.directory import Account, Campaign, Person, Product
from lead_service.domain.funnel import DraftStep, Funnel, FunnelVersion
from lead_service.domain.lead import Contact, Labels, Lead, LeadState
from lead_service.domain.tenant import Tenant
from lead_service.domain.values import External
from onefunnel.events.deal import Credit, DealLine, Origin
from onefunnel.events.directory import Membership
from onefunnel.events.values import Money

A = TypeVar("A")
V = TypeVar("V")
Row = Mapping[str, Any]

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
    fixed: frozenset[str] = field(default=_FIXED)  # never written again after the first time

    def show(self, row: Row) -> V:
        """Return the view of a row."""
        return self.view(**{name: row[name] for name in self.columns})


def _shape(kind: str, table: Table, view: type[V], **rest: Any) -> Shape[Any, V]:
    return Shape(kind, table, view, tuple(view.__dataclass_fields__), **rest)  # type: ignore[attr-defined]


def _outside(external: External | None) -> dict[str, Any]:
    source, id_ = (external.source, external.id) if external else (None, None)
    return {"external_source": source, "external_id": id_}


def _external(row: Row) -> External | None:
    if row["external_source"] is None:
        return None
    return External(row["external_source"], row["external_id"])


def _tenant_row(tenant: Tenant) -> dict[str, Any]:
    return {
        "time_zone": tenant.time_zone,
        "currency": tenant.currency,
        "fiscal_year_start": tenant.fiscal_year_start,
    }


def _tenant(row: Row) -> Tenant:
    return Tenant(row["id"], row["time_zone"], row["currency"], row["fiscal_year_start"])


def _person_row(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "email": person.email,
        "kind": person.kind,
        "active": person.active,
        "memberships": [m.model_dump(mode="json", by_alias=True) for m in person.memberships],
        **_outside(person.external),
    }


def memberships_of(stored: Any) -> tuple[Membership, ...]:
    """Return memberships as they were stored."""
    return tuple(Membership.model_validate(m) for m in stored)


def _person(row: Row) -> Person:
    return Person(
        row["id"],
        row["name"],
        row["email"],
        row["kind"],
        row["active"],
        memberships_of(row["memberships"]),
        _external(row),
    )


def _account_row(account: Account) -> dict[str, Any]:
    return {"name": account.name, "segment": account.segment, **_outside(account.external)}


def _account(row: Row) -> Account:
    return Account(row["id"], row["name"], row["segment"], _external(row))


def _product_row(product: Product) -> dict[str, Any]:
    return {
        "name": product.name,
        "list_minor": product.list_minor,
        "currency": product.currency,
        "active": product.active,
        **_outside(product.external),
    }


def _product(row: Row) -> Product:
    return Product(
        row["id"],
        row["name"],
        row["list_minor"],
        row["currency"],
        row["active"],
        _external(row),
    )


def _campaign_row(campaign: Campaign) -> dict[str, Any]:
    return {
        "name": campaign.name,
        "channel": campaign.channel,
        "starts_on": campaign.starts_on,
        "ends_on": campaign.ends_on,
        **_outside(campaign.external),
    }


def _campaign(row: Row) -> Campaign:
    return Campaign(
        row["id"],
        row["name"],
        row["channel"],
        row["starts_on"],
        row["ends_on"],
        _external(row),
    )


def _funnel_row(funnel: Funnel) -> dict[str, Any]:
    return {
        "code": funnel.code,
        "active": funnel.active,
        "versions": [_version_json(version) for version in funnel.versions],
    }


def _version_json(version: FunnelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "activated_at": version.activated_at.isoformat() if version.activated_at else None,
        "steps": [
            {
                "key": step.key,
                "entity": step.entity,
                "owner": step.owner,
                "entry": step.entry,
                "window_days": step.window_days,
            }
            for step in version.steps
        ],
    }


def _funnel(row: Row) -> Funnel:
    versions = tuple(_version(stored) for stored in row["versions"])
    return Funnel(row["id"], row["code"], versions, row["active"])


def _version(stored: Row) -> FunnelVersion:
    at = stored["activated_at"]
    return FunnelVersion(
        stored["version"],
        tuple(DraftStep(**step) for step in stored["steps"]),
        datetime.fromisoformat(at) if at else None,
    )


def _lead_row(lead: Lead) -> dict[str, Any]:
    return {
        "state": lead.state.value,
        "captured_at": lead.captured_at,
        "funnel": lead.funnel,
        "name": lead.contact.name,
        "email": lead.contact.email,
        "phone": lead.contact.phone,
        "company": lead.contact.company,
        "source": lead.labels.source,
        "campaign_id": lead.labels.campaign_id,
        "segment": lead.labels.segment,
        "attributes": dict(lead.attributes),
        "owner_id": lead.owner_id,
        "qualified_at": lead.qualified_at,
        "accepted_at": lead.accepted_at,
        "converted_at": lead.converted_at,
        "deal_id": lead.deal_id,
        "merged_into": lead.merged_into,
        "recycle_until": lead.recycle_until,
        **_outside(lead.external),
        "fingerprint": lead.fingerprint,
    }


def _lead(row: Row) -> Lead:
    return Lead(
        id=row["id"],
        state=LeadState(row["state"]),
        captured_at=row["captured_at"],
        funnel=row["funnel"],
        contact=Contact(row["name"], row["email"], row["phone"], row["company"]),
        labels=Labels(row["source"], row["campaign_id"], row["segment"]),
        attributes=row["attributes"],
        owner_id=row["owner_id"],
        qualified_at=row["qualified_at"],
        accepted_at=row["accepted_at"],
        converted_at=row["converted_at"],
        deal_id=row["deal_id"],
        merged_into=row["merged_into"],
        recycle_until=row["recycle_until"],
        external=_external(row),
        fingerprint=row["fingerprint"],
    )


def _deal_row(deal: Deal) -> dict[str, Any]:
    terms, loss = deal.terms, deal.loss
    return {
        "state": deal.state.value,
        "stage": deal.stage,
        "funnel": deal.funnel,
        "name": deal.name,
        "currency": deal.currency,
        "created_at": deal.created_at,
        "closed_at": deal.closed_at,
        "owner_id": terms.owner_id,
        "amount_minor": terms.amount.amount_minor if terms.amount else None,
        "account_id": terms.account_id,
        "product_id": terms.product_id,
        "source": terms.source,
        "campaign_id": terms.campaign_id,
        "segment": terms.segment,
        "expected_close_on": terms.expected_close_on,
        "origin": deal.origin.model_dump(mode="json") if deal.origin else None,
        "outcome": loss.outcome if loss else None,
        "competitor": loss.competitor if loss else None,
        "reason": loss.reason if loss else None,
        "booking": _booking_json(deal.booking) if deal.booking else None,
        "booked_versions": deal.booked_versions,
        "refunded": str(deal.refunded),
        "paid_minor": deal.paid_minor,
        **_outside(deal.external),
        "fingerprint": deal.fingerprint,
    }


def _booking_json(booking: Booking) -> dict[str, Any]:
    return {
        "version": booking.version,
        "at": booking.at.isoformat(),
        "lines": [line.model_dump(mode="json") for line in booking.lines],
        "credits": [credit.model_dump(mode="json") for credit in booking.credits],
    }


def _deal(row: Row) -> Deal:
    currency, amount = row["currency"], row["amount_minor"]
    return Deal(
        id=row["id"],
        stage=row["stage"],
        currency=currency,
        created_at=row["created_at"],
        terms=Terms(
            owner_id=row["owner_id"],
            amount=None if amount is None else Money(amount_minor=amount, currency=currency),
            account_id=row["account_id"],
            product_id=row["product_id"],
            source=row["source"],
            campaign_id=row["campaign_id"],
            segment=row["segment"],
            expected_close_on=row["expected_close_on"],
        ),
        state=DealState(row["state"]),
        funnel=row["funnel"],
        name=row["name"],
        origin=Origin.model_validate(row["origin"]) if row["origin"] else None,
        closed_at=row["closed_at"],
        loss=Loss(row["outcome"], row["reason"], row["competitor"]) if row["outcome"] else None,
        booking=_booking(row["booking"]) if row["booking"] else None,
        booked_versions=row["booked_versions"],
        refunded=Fraction(row["refunded"]),
        paid_minor=row["paid_minor"],
        external=_external(row),
        fingerprint=row["fingerprint"],
    )


def _booking(stored: Row) -> Booking:
    return Booking(
        stored["version"],
        datetime.fromisoformat(stored["at"]),
        tuple(DealLine.model_validate(line) for line in stored["lines"]),
        tuple(Credit.model_validate(credit) for credit in stored["credits"]),
    )


def _deal_status(deal: Deal) -> str:
    return deal.stage if deal.state is DealState.OPEN else deal.state.value


TENANTS: Final[Shape[Tenant, views.TenantView]] = _shape(
    "tenant", tables.TENANT, views.TenantView, to_row=_tenant_row, from_row=_tenant
)
PEOPLE: Final[Shape[Person, views.PersonView]] = _shape(
    "person", tables.PERSON, views.PersonView, to_row=_person_row, from_row=_person
)
ACCOUNTS: Final[Shape[Account, views.AccountView]] = _shape(
    "account", tables.ACCOUNT, views.AccountView, to_row=_account_row, from_row=_account
)
PRODUCTS: Final[Shape[Product, views.ProductView]] = _shape(
    "product", tables.PRODUCT, views.ProductView, to_row=_product_row, from_row=_product
)
CAMPAIGNS: Final[Shape[Campaign, views.CampaignView]] = _shape(
    "campaign", tables.CAMPAIGN, views.CampaignView, to_row=_campaign_row, from_row=_campaign
)
FUNNELS: Final[Shape[Funnel, views.FunnelView]] = _shape(
    "funnel", tables.FUNNEL, views.FunnelView, to_row=_funnel_row, from_row=_funnel
)
LEADS: Final[Shape[Lead, views.LeadView]] = _shape(
    "lead",
    tables.LEAD,
    views.LeadView,
    to_row=_lead_row,
    from_row=_lead,
    status=lambda lead: lead.state.value,
    # When a lead was qualified is told by scoring-service, beside any command of ours.
    fixed=_FIXED | {"qualified_at", "captured_at"},
)
DEALS: Final[Shape[Deal, views.DealView]] = _shape(
    "deal", tables.DEAL, views.DealView, to_row=_deal_row, from_row=_deal, status=_deal_status
)
