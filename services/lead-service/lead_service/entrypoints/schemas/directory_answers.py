"""What answers about people, accounts, products, campaigns, funnels and the tenant look like."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from lead_service.entrypoints.schemas.values import ExternalOut, MoneyOut, View


class MembershipOut(View):
    """Where somebody stood."""

    from_: Annotated[date | None, Field(alias="from")]
    to: date | None
    manager_id: UUID | None
    team: str | None
    region: str | None


class PersonOut(View):
    """A person with the whole history of where they stood."""

    id: UUID
    external: ExternalOut | None
    name: str
    email: str | None
    kind: str
    active: bool
    memberships: list[MembershipOut]
    version: int


class AccountOut(View):
    """An account."""

    id: UUID
    external: ExternalOut | None
    name: str
    segment: str | None
    version: int


class ProductOut(View):
    """A product."""

    id: UUID
    external: ExternalOut | None
    name: str
    list_minor: int | None
    currency: str | None
    active: bool
    version: int


class CampaignOut(View):
    """A campaign."""

    id: UUID
    external: ExternalOut | None
    name: str
    channel: str | None
    starts_on: date | None
    ends_on: date | None
    version: int


class SpendOut(View):
    """One entry of a campaign's spend."""

    id: UUID
    campaign_id: UUID
    spent_on: date
    amount: MoneyOut
    reverses: UUID | None
    note: str | None


class StepOut(View):
    """A step of a funnel."""

    key: str
    entity: str
    owner: str | None
    entry: str | None
    window_days: int


class FunnelVersionOut(View):
    """A version of a funnel; without `activated_at` it is a draft."""

    version: int
    activated_at: datetime | None
    steps: list[StepOut]


class FunnelOut(View):
    """A funnel with all its versions; `active` is the one in force."""

    id: UUID
    funnel: Annotated[str, Field(validation_alias="code")]
    active: int | None
    versions: list[FunnelVersionOut]
    version: int


class TenantOut(View):
    """The tenant's calendar and currency."""

    id: UUID
    time_zone: str
    currency: str
    fiscal_year_start: int
    version: int
