"""People, accounts, products and campaigns: records that are made, put and changed as a whole."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol, Self, TypedDict, TypeVar
from uuid import UUID

from lead_service.application.commands.terms import references, taken
from lead_service.application.ports import Repository, Saved, Tx
from lead_service.application.views import (
    AccountView,
    CampaignView,
    PersonView,
    ProductView,
    SpendView,
)
from lead_service.domain.directory import Account, Campaign, Person, PersonKind, Product, Spend
from lead_service.domain.org import check_chart
from onefunnel.errors import broken_rule, conflict
from onefunnel.events.catalogue import Event
from onefunnel.events.directory import Membership
from onefunnel.events.values import CampaignId, Money
from onefunnel.ids import new_id

R = TypeVar("R", bound="Record")
V = TypeVar("V")


class Record(Protocol):
    """What can be put: it says itself whether anything changed."""

    @property
    def id(self) -> UUID:
        """The record's id."""
        ...

    def enrol(self) -> tuple[Self, tuple[Event, ...]]:
        """Return the record as first recorded and its event."""
        ...

    def become(self, new: Self) -> tuple[Self, tuple[Event, ...]]:
        """Return the record with another one's values and its event, if there is one."""
        ...


async def create(record: R, *, repository: Repository[R, V], what: str) -> Saved[V]:
    """Record something new. The same outside name and data again is the same record, unchanged."""
    new, events = record.enrol()
    if saved := await repository.add(new, *events):
        return saved
    known = await repository.get(record.id)
    if known.become(record)[0] != known:
        raise taken(what)
    return await repository.unchanged(record.id)


async def put(record: R, *, repository: Repository[R, V]) -> Saved[V]:
    """Record something new, or make what is there as it is given."""
    known = await repository.find(record.id)
    if known is None:
        return await create(record, repository=repository, what="record")
    changed, events = known.become(record)
    if changed == known:
        return await repository.unchanged(record.id)
    return await repository.save(changed, *events)


async def create_account(account: Account, *, tx: Tx) -> Saved[AccountView]:
    """Record an account."""
    return await create(account, repository=tx.accounts, what="account")


async def create_product(product: Product, *, tx: Tx) -> Saved[ProductView]:
    """Record a product."""
    return await create(product, repository=tx.products, what="product")


async def create_campaign(campaign: Campaign, *, tx: Tx) -> Saved[CampaignView]:
    """Record a campaign."""
    return await create(campaign, repository=tx.campaigns, what="campaign")


async def create_person(person: Person, *, tx: Tx) -> Saved[PersonView]:
    """Record a person; managers must exist, and nobody may end up above themselves."""
    await _check_managers(person, tx)
    await tx.erasures.refuse_erased(person.email, "/email")
    return await create(person, repository=tx.people, what="person")


async def put_person(person: Person, *, tx: Tx) -> Saved[PersonView]:
    """Record a person or make them as given."""
    await _check_managers(person, tx)
    await tx.erasures.refuse_erased(person.email, "/email")
    return await put(person, repository=tx.people)


class PersonChanges(TypedDict, total=False):
    """What a change of a person may name; memberships are replaced as a whole."""

    name: str
    email: str | None
    kind: PersonKind
    active: bool
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class ChangePerson:
    """Change a person."""

    person_id: UUID
    changes: PersonChanges = field(repr=False)
    seen: int


async def change_person(command: ChangePerson, *, tx: Tx) -> Saved[PersonView]:
    """Change a person; the org chart stays without circles."""
    known = await tx.people.get(command.person_id, seen=command.seen)
    wanted = replace(known, **command.changes)
    if wanted.memberships != known.memberships:
        await _check_managers(wanted, tx)
    changed, events = known.become(wanted)
    return await tx.people.save(changed, *events)


async def _check_managers(person: Person, tx: Tx) -> None:
    named = [(f"/memberships/{n}/manager", m.manager_id) for n, m in enumerate(person.memberships)]
    if not any(id_ for _, id_ in named):
        return
    await tx.references.require(references(*(("person", id_, at) for at, id_ in named)))
    chart = dict(await tx.org.chart())
    chart[person.id] = person.memberships
    check_chart(person.id, chart)


class AccountChanges(TypedDict, total=False):
    """What a change of an account may name."""

    name: str
    segment: str | None


class ProductChanges(TypedDict, total=False):
    """What a change of a product may name."""

    name: str
    list_minor: int | None
    currency: str | None
    active: bool


class CampaignChanges(TypedDict, total=False):
    """What a change of a campaign may name."""

    name: str
    channel: str | None
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """Change an account."""

    account_id: UUID
    changes: AccountChanges = field(repr=False)
    seen: int


async def change_account(command: ChangeAccount, *, tx: Tx) -> Saved[AccountView]:
    """Change an account."""
    known = await tx.accounts.get(command.account_id, seen=command.seen)
    changed, events = known.become(replace(known, **command.changes))
    return await tx.accounts.save(changed, *events)


@dataclass(frozen=True, slots=True)
class ChangeProduct:
    """Change a product."""

    product_id: UUID
    changes: ProductChanges = field(repr=False)
    seen: int


async def change_product(command: ChangeProduct, *, tx: Tx) -> Saved[ProductView]:
    """Change a product; deals that are booked keep the list price they were booked with."""
    known = await tx.products.get(command.product_id, seen=command.seen)
    changed, events = known.become(replace(known, **command.changes))
    return await tx.products.save(changed, *events)


@dataclass(frozen=True, slots=True)
class ChangeCampaign:
    """Change a campaign."""

    campaign_id: UUID
    changes: CampaignChanges = field(repr=False)
    seen: int


async def change_campaign(command: ChangeCampaign, *, tx: Tx) -> Saved[CampaignView]:
    """Change a campaign."""
    known = await tx.campaigns.get(command.campaign_id, seen=command.seen)
    changed, events = known.become(replace(known, **command.changes))
    return await tx.campaigns.save(changed, *events)


@dataclass(frozen=True, slots=True)
class RecordSpend:
    """Enter money spent on a campaign, or take an earlier entry back."""

    campaign_id: UUID
    spent_on: date | None = None
    amount: Money | None = None
    reverses: UUID | None = None
    note: str | None = field(default=None, repr=False)


async def record_spend(command: RecordSpend, *, tx: Tx) -> tuple[SpendView, Saved[CampaignView]]:
    """Add an entry to a campaign's spend; entries are never changed, only reversed, and that once."""
    campaign = await tx.campaigns.get(command.campaign_id)
    entry = await _entry(command, tx)
    saved = await tx.campaigns.save(campaign, campaign.spend(entry))
    return await tx.spend.add(entry), saved


async def _entry(command: RecordSpend, tx: Tx) -> Spend:
    if command.reverses is not None:
        return await _reversal(command.reverses, command, tx)
    if command.amount is None or command.spent_on is None:
        raise broken_rule("Say how much was spent and on which day.", pointer="/amount")
    campaign_id = CampaignId(command.campaign_id)
    return Spend(new_id(), campaign_id, command.spent_on, command.amount, note=command.note)


async def _reversal(reverses: UUID, command: RecordSpend, tx: Tx) -> Spend:
    entry = await tx.spend.find(reverses)
    if entry is None or entry.campaign_id != command.campaign_id:
        raise broken_rule("The campaign has no such entry.", pointer="/reverses")
    if await tx.spend.reversed(reverses):
        raise conflict("This entry has been taken back already.")
    return entry.reversal(new_id(), command.note)
