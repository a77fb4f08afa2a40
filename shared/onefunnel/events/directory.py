"""Who and what there is: the tenant, people, accounts, products, campaigns, funnel definitions."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import DIRECTORY
from onefunnel.events.values import (
    AccountId,
    CampaignId,
    Code,
    Currency,
    Minor,
    Money,
    PersonId,
    ProductId,
    Side,
    StepKey,
    Value,
)


class Membership(Value):
    """Where a person stood in the org chart, both dates inclusive; open ends are None."""

    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    manager_id: PersonId | None = None
    team: Code | None = None
    region: Code | None = None


class FunnelStep(Value):
    """One step: who owns it, what enters it, and how long the next one may take (conversion window)."""

    key: StepKey
    owner: Side
    entity: Literal["lead", "deal"]
    entry: Code
    window_days: int = Field(ge=1, le=3650)


@event("onefunnel.tenant.changed.v1", topic=DIRECTORY, aggregate="tenant", key="tenant_id")
class TenantChanged(Event):
    """The tenant's calendar and currency were set."""

    tenant_id: UUID
    time_zone: str = "UTC"
    currency: Currency
    fiscal_year_start: int = Field(default=1, ge=1, le=12)


@event("onefunnel.person.changed.v1", topic=DIRECTORY, aggregate="person", key="person_id")
class PersonChanged(Event):
    """A person joined, left or moved; the whole record as it now is."""

    person_id: PersonId
    kind: Literal["rep", "marketer", "manager", "executive"]
    active: bool = True
    memberships: tuple[Membership, ...] = ()


@event("onefunnel.account.changed.v1", topic=DIRECTORY, aggregate="account", key="account_id")
class AccountChanged(Event):
    """A customer or prospect company was recorded or changed."""

    account_id: AccountId
    segment: Code | None = None


@event("onefunnel.product.changed.v1", topic=DIRECTORY, aggregate="product", key="product_id")
class ProductChanged(Event):
    """A product was recorded or its list price changed."""

    product_id: ProductId
    list_minor: Minor | None = None
    currency: Currency | None = None
    active: bool = True


@event("onefunnel.campaign.changed.v1", topic=DIRECTORY, aggregate="campaign", key="campaign_id")
class CampaignChanged(Event):
    """A campaign was planned or changed."""

    campaign_id: CampaignId
    channel: Code | None = None
    starts_on: date | None = None
    ends_on: date | None = None


@event(
    "onefunnel.campaign.spend_recorded.v1", topic=DIRECTORY, aggregate="campaign", key="campaign_id"
)
class CampaignSpendRecorded(Event):
    """Money was spent on a campaign; a negative amount reverses an earlier entry."""

    campaign_id: CampaignId
    spend_id: UUID
    spent_on: date
    amount: Money


@event("onefunnel.funnel.activated.v1", topic=DIRECTORY, aggregate="funnel", key="funnel_id")
class FunnelActivated(Event):
    """Both sides agreed on a version of a funnel: its ordered steps, one owner each."""

    funnel_id: UUID
    funnel: Code
    version: int = Field(ge=1)
    steps: tuple[FunnelStep, ...]
