"""The tenant, people, accounts, products, campaigns and funnels, to rows and back."""

from datetime import datetime
from typing import Any

from lead_service.adapters.rows import Row, outside_columns, outside_name
from lead_service.domain.directory import Account, Campaign, Person, Product
from lead_service.domain.funnel import DraftStep, Funnel, FunnelVersion
from lead_service.domain.tenant import Tenant
from onefunnel.events.directory import Membership


def tenant_row(tenant: Tenant) -> dict[str, Any]:
    """Return the columns of a tenant."""
    return {
        "time_zone": tenant.time_zone,
        "currency": tenant.currency,
        "fiscal_year_start": tenant.fiscal_year_start,
    }


def tenant_of(row: Row) -> Tenant:
    """Return the tenant of a row."""
    return Tenant(row["id"], row["time_zone"], row["currency"], row["fiscal_year_start"])


def person_row(person: Person) -> dict[str, Any]:
    """Return the columns of a person."""
    return {
        "name": person.name,
        "email": person.email,
        "kind": person.kind,
        "active": person.active,
        "memberships": [m.model_dump(mode="json", by_alias=True) for m in person.memberships],
        **outside_columns(person.external),
    }


def memberships_of(stored: Any) -> tuple[Membership, ...]:
    """Return memberships as they were stored."""
    return tuple(Membership.model_validate(m) for m in stored)


def person_of(row: Row) -> Person:
    """Return the person of a row."""
    return Person(
        row["id"],
        row["name"],
        row["email"],
        row["kind"],
        row["active"],
        memberships_of(row["memberships"]),
        outside_name(row),
    )


def account_row(account: Account) -> dict[str, Any]:
    """Return the columns of an account."""
    return {"name": account.name, "segment": account.segment, **outside_columns(account.external)}


def account_of(row: Row) -> Account:
    """Return the account of a row."""
    return Account(row["id"], row["name"], row["segment"], outside_name(row))


def product_row(product: Product) -> dict[str, Any]:
    """Return the columns of a product."""
    return {
        "name": product.name,
        "list_minor": product.list_minor,
        "currency": product.currency,
        "active": product.active,
        **outside_columns(product.external),
    }


def product_of(row: Row) -> Product:
    """Return the product of a row."""
    return Product(
        row["id"],
        row["name"],
        row["list_minor"],
        row["currency"],
        row["active"],
        outside_name(row),
    )


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    """Return the columns of a campaign."""
    return {
        "name": campaign.name,
        "channel": campaign.channel,
        "starts_on": campaign.starts_on,
        "ends_on": campaign.ends_on,
        **outside_columns(campaign.external),
    }


def campaign_of(row: Row) -> Campaign:
    """Return the campaign of a row."""
    return Campaign(
        row["id"],
        row["name"],
        row["channel"],
        row["starts_on"],
        row["ends_on"],
        outside_name(row),
    )


def funnel_row(funnel: Funnel) -> dict[str, Any]:
    """Return the columns of a funnel."""
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


def funnel_of(row: Row) -> Funnel:
    """Return the funnel of a row."""
    versions = tuple(_version(stored) for stored in row["versions"])
    return Funnel(row["id"], row["code"], versions, row["active"])


def _version(stored: Row) -> FunnelVersion:
    at = stored["activated_at"]
    return FunnelVersion(
        stored["version"],
        tuple(DraftStep(**step) for step in stored["steps"]),
        datetime.fromisoformat(at) if at else None,
    )
