"""Bodies of people, accounts, products, campaigns, funnels and the tenant."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from lead_service.application.commands.directory import (
    AccountChanges,
    CampaignChanges,
    PersonChanges,
    ProductChanges,
    RecordSpend,
)
from lead_service.application.commands.funnels import ProposeFunnel, SetUpTenant, TenantChanges
from lead_service.application.ports import Kind
from lead_service.domain.directory import Account, Campaign, Person, Product
from lead_service.domain.funnel import DraftStep
from lead_service.domain.values import MAX_MEMBERSHIPS, MAX_STEPS
from lead_service.entrypoints.schemas.values import (
    Email,
    ExternalIn,
    MoneyIn,
    Reference,
    changes,
    outside,
    resolved,
)
from onefunnel.events.directory import Membership
from onefunnel.events.values import AccountId, CampaignId, Code, Minor, PersonId, ProductId, StepKey
from onefunnel.http.bodies import Body, Day, Id, KnownCurrency, Name, Words
from onefunnel.ids import derived_id, new_id

PersonKind = Literal["rep", "marketer", "manager", "executive"]
Month = Annotated[int, Field(ge=1, le=12)]


def _id(external: ExternalIn | None, kind: Kind, tenant_id: UUID) -> UUID:
    return derived_id(tenant_id, external.source, kind, external.id) if external else new_id()


class MembershipIn(Body):
    """Where somebody stands, both days inclusive; an open end is left out."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    manager: Reference | None = None
    team: Code | None = None
    region: Code | None = None

    def value(self, tenant_id: UUID) -> Membership:
        """Return the event's value."""
        manager = resolved(self.manager, "person", tenant_id)
        return Membership(
            from_=self.from_,
            to=self.to,
            manager_id=PersonId(manager) if manager else None,
            team=self.team,
            region=self.region,
        )


Memberships = Annotated[list[MembershipIn], Field(max_length=MAX_MEMBERSHIPS)]


class PersonIn(Body):
    """Somebody who sells, markets, leads or decides."""

    external: ExternalIn | None = None
    name: Name
    email: Email | None = None
    kind: PersonKind
    active: bool = True
    memberships: Memberships = Field(default_factory=list)

    def value(self, tenant_id: UUID) -> Person:
        """Return the record."""
        return Person(
            id=PersonId(_id(self.external, "person", tenant_id)),
            name=self.name,
            email=self.email,
            kind=self.kind,
            active=self.active,
            memberships=tuple(m.value(tenant_id) for m in self.memberships),
            external=outside(self.external),
        )


class PersonPatch(Body):
    """What is to be changed; memberships are replaced as a whole."""

    name: Name | None = None
    email: Email | None = None
    kind: PersonKind | None = None
    active: bool | None = None
    memberships: Memberships | None = None

    def changes(self, tenant_id: UUID) -> PersonChanges:
        """Return the named fields."""
        required = {"name", "kind", "active", "memberships"}
        found: PersonChanges = changes(self, tenant_id, {}, required=required)
        if self.memberships is not None:
            found["memberships"] = tuple(m.value(tenant_id) for m in self.memberships)
        return found


class AccountIn(Body):
    """A company that buys or may buy."""

    external: ExternalIn | None = None
    name: Name
    segment: Code | None = None

    def value(self, tenant_id: UUID) -> Account:
        """Return the record."""
        id_ = AccountId(_id(self.external, "account", tenant_id))
        return Account(id_, self.name, self.segment, outside(self.external))


class AccountPatch(Body):
    """What is to be changed."""

    name: Name | None = None
    segment: Code | None = None

    def changes(self, tenant_id: UUID) -> AccountChanges:
        """Return the named fields."""
        found: AccountChanges = changes(self, tenant_id, {}, required={"name"})
        return found


class ProductIn(Body):
    """What is sold."""

    external: ExternalIn | None = None
    name: Name
    list_minor: Minor | None = None
    currency: KnownCurrency | None = None
    active: bool = True

    def value(self, tenant_id: UUID) -> Product:
        """Return the record."""
        id_ = ProductId(_id(self.external, "product", tenant_id))
        external = outside(self.external)
        return Product(id_, self.name, self.list_minor, self.currency, self.active, external)


class ProductPatch(Body):
    """What is to be changed."""

    name: Name | None = None
    list_minor: Minor | None = None
    currency: KnownCurrency | None = None
    active: bool | None = None

    def changes(self, tenant_id: UUID) -> ProductChanges:
        """Return the named fields."""
        found: ProductChanges = changes(self, tenant_id, {}, required={"name", "active"})
        return found


class CampaignIn(Body):
    """What marketing spends money on."""

    external: ExternalIn | None = None
    name: Name
    channel: Code | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None

    def value(self, tenant_id: UUID) -> Campaign:
        """Return the record."""
        id_ = CampaignId(_id(self.external, "campaign", tenant_id))
        external = outside(self.external)
        return Campaign(id_, self.name, self.channel, self.starts_on, self.ends_on, external)


class CampaignPatch(Body):
    """What is to be changed."""

    name: Name | None = None
    channel: Code | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None

    def changes(self, tenant_id: UUID) -> CampaignChanges:
        """Return the named fields."""
        found: CampaignChanges = changes(self, tenant_id, {}, required={"name"})
        return found


class SpendIn(Body):
    """Money spent on a day, or the entry that is taken back."""

    on: Day | None = None
    amount: MoneyIn | None = None
    reverses: Id | None = None
    note: Words | None = None

    def command(self, campaign_id: UUID) -> RecordSpend:
        """Return what is asked for."""
        amount = self.amount.value() if self.amount else None
        return RecordSpend(campaign_id, self.on, amount, self.reverses, self.note)


class StepIn(Body):
    """A step; without owner or entry rule the version can be kept, but not activated."""

    key: StepKey
    entity: Literal["lead", "deal"]
    owner: Literal["marketing", "sales"] | None = None
    entry: Code | None = None
    window_days: Annotated[int, Field(ge=1, le=3650)] = 30

    def value(self) -> DraftStep:
        """Return the domain's value."""
        return DraftStep(self.key, self.entity, self.owner, self.entry, self.window_days)


class FunnelIn(Body):
    """The next version of a funnel."""

    funnel: Code
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=MAX_STEPS)]

    def command(self) -> ProposeFunnel:
        """Return what is asked for."""
        return ProposeFunnel(self.funnel, tuple(step.value() for step in self.steps))


class TenantIn(Body):
    """The calendar and the currency of a tenant."""

    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    currency: KnownCurrency
    fiscal_year_start: Month = 1

    def command(self) -> SetUpTenant:
        """Return what is asked for."""
        return SetUpTenant(self.time_zone, self.currency, self.fiscal_year_start)


class TenantPatch(Body):
    """What is to be changed."""

    time_zone: Annotated[str, Field(max_length=64)] | None = None
    currency: KnownCurrency | None = None
    fiscal_year_start: Month | None = None

    def changes(self, tenant_id: UUID) -> TenantChanges:
        """Return the named fields."""
        required = {"time_zone", "currency", "fiscal_year_start"}
        found: TenantChanges = changes(self, tenant_id, {}, required=required)
        return found
