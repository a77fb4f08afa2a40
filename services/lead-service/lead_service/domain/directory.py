"""People, accounts, products and campaigns: records that change as a whole.

`become` returns the record as it now is and the event that says so; where only words changed that
no event may carry (a name, an e-mail address), there is no event.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal
from uuid import UUID

from lead_service.domain.org import check_memberships
from lead_service.domain.values import External
from onefunnel.errors import broken_rule
from onefunnel.events.directory import (
    AccountChanged,
    CampaignChanged,
    CampaignSpendRecorded,
    Membership,
    PersonChanged,
    ProductChanged,
)
from onefunnel.events.values import AccountId, CampaignId, Money, PersonId, ProductId

PersonKind = Literal["rep", "marketer", "manager", "executive"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who sells, markets, leads or decides; name and e-mail never leave this service."""

    id: PersonId
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    kind: PersonKind
    active: bool
    memberships: tuple[Membership, ...]
    external: External | None = None

    def become(self, new: "Person") -> tuple["Person", tuple[PersonChanged, ...]]:
        """Take over another record's values."""
        check_memberships(self.id, new.memberships)
        changed = replace(new, id=self.id, external=self.external)
        return changed, (changed.fact(),) if changed.fact() != self.fact() else ()

    def enrol(self) -> tuple["Person", tuple[PersonChanged, ...]]:
        """Record a person for the first time."""
        check_memberships(self.id, self.memberships)
        return self, (self.fact(),)

    def fact(self) -> PersonChanged:
        """Return the event that says how things are."""
        return PersonChanged(
            person_id=self.id, kind=self.kind, active=self.active, memberships=self.memberships
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A company that buys or may buy."""

    id: AccountId
    name: str = field(repr=False)
    segment: str | None
    external: External | None = None

    def become(self, new: "Account") -> tuple["Account", tuple[AccountChanged, ...]]:
        """Take over another record's values."""
        changed = replace(new, id=self.id, external=self.external)
        return changed, (changed.fact(),) if changed.fact() != self.fact() else ()

    def enrol(self) -> tuple["Account", tuple[AccountChanged, ...]]:
        """Record an account for the first time."""
        return self, (self.fact(),)

    def fact(self) -> AccountChanged:
        """Return the event that says how things are."""
        return AccountChanged(account_id=self.id, segment=self.segment)


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold, with its list price if it has one."""

    id: ProductId
    name: str = field(repr=False)
    list_minor: int | None
    currency: str | None
    active: bool
    external: External | None = None

    def become(self, new: "Product") -> tuple["Product", tuple[ProductChanged, ...]]:
        """Take over another record's values."""
        changed = replace(new, id=self.id, external=self.external)
        changed.check()
        return changed, (changed.fact(),) if changed.fact() != self.fact() else ()

    def enrol(self) -> tuple["Product", tuple[ProductChanged, ...]]:
        """Record a product for the first time."""
        self.check()
        return self, (self.fact(),)

    def check(self) -> None:
        """Refuse a price that is negative or in no currency."""
        if self.list_minor is not None and self.list_minor < 0:
            raise broken_rule("A list price is not negative.", pointer="/list_minor")
        if self.list_minor is not None and self.currency is None:
            raise broken_rule("A list price needs its currency.", pointer="/currency")

    def fact(self) -> ProductChanged:
        """Return the event that says how things are."""
        return ProductChanged(
            product_id=self.id,
            list_minor=self.list_minor,
            currency=self.currency,
            active=self.active,
        )


@dataclass(frozen=True, slots=True)
class Campaign:
    """What marketing spends money on to make leads."""

    id: CampaignId
    name: str = field(repr=False)
    channel: str | None
    starts_on: date | None
    ends_on: date | None
    external: External | None = None

    def become(self, new: "Campaign") -> tuple["Campaign", tuple[CampaignChanged, ...]]:
        """Take over another record's values."""
        changed = replace(new, id=self.id, external=self.external)
        changed.check()
        return changed, (changed.fact(),) if changed.fact() != self.fact() else ()

    def enrol(self) -> tuple["Campaign", tuple[CampaignChanged, ...]]:
        """Record a campaign for the first time."""
        self.check()
        return self, (self.fact(),)

    def check(self) -> None:
        """Refuse a campaign that ends before it starts."""
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise broken_rule("A campaign ends before it starts.", pointer="/ends_on")

    def fact(self) -> CampaignChanged:
        """Return the event that says how things are."""
        return CampaignChanged(
            campaign_id=self.id,
            channel=self.channel,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
        )

    def spend(self, entry: "Spend") -> CampaignSpendRecorded:
        """Record money spent; entries are never changed, only reversed."""
        if entry.reverses is None and entry.amount.amount_minor < 0:
            raise broken_rule(
                "Spend is not negative; to take an entry back, reverse it.", pointer="/amount"
            )
        return CampaignSpendRecorded(
            campaign_id=self.id, spend_id=entry.id, spent_on=entry.spent_on, amount=entry.amount
        )


@dataclass(frozen=True, slots=True)
class Spend:
    """One entry of a campaign's spend; a reversal names the entry that it takes back."""

    id: UUID
    campaign_id: CampaignId
    spent_on: date
    amount: Money
    reverses: UUID | None = None
    note: str | None = field(default=None, repr=False)

    def reversal(self, spend_id: UUID, note: str | None) -> "Spend":
        """Return the entry that takes this one back, on the same day."""
        if self.reverses is not None:
            raise broken_rule("A reversal cannot be reversed.", pointer="/reverses")
        amount = Money(amount_minor=-self.amount.amount_minor, currency=self.amount.currency)
        return Spend(spend_id, self.campaign_id, self.spent_on, amount, self.id, note)
