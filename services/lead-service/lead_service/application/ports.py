"""What commands need from storage. One `Tx` is one transaction of one tenant."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from lead_service.application.views import (
    AccountView,
    ActivityView,
    CampaignView,
    DealView,
    FunnelView,
    LeadView,
    PersonView,
    ProductView,
    SpendView,
    SubjectExport,
    TenantView,
    TouchView,
)
from lead_service.domain.deal import Activity, Deal
from lead_service.domain.directory import Account, Campaign, Person, Product, Spend
from lead_service.domain.erasure import Erasure, SubjectKind
from lead_service.domain.funnel import Funnel
from lead_service.domain.lead import Lead, Touch
from lead_service.domain.org import Chart
from lead_service.domain.tenant import Tenant
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Metadata
from onefunnel.events.privacy import SubjectErased

Kind = Literal["person", "account", "product", "campaign", "lead", "deal"]
A = TypeVar("A")
V_co = TypeVar("V_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Saved(Generic[V_co]):
    """What a write left behind: how the resource looks now and the events it published."""

    id: UUID
    show: Callable[[], V_co] = field(
        repr=False
    )  # asked only by those who answer with the whole resource
    version: int
    event_ids: tuple[UUID, ...]
    created: bool = False
    changed: bool = True

    @property
    def view(self) -> V_co:
        """Return how the resource looks now."""
        return self.show()

    @property
    def event_id(self) -> UUID | None:
        """Return the last event published, None if there was none."""
        return self.event_ids[-1] if self.event_ids else None


@dataclass(frozen=True, slots=True)
class Reference:
    """A mention of another entity in a body, by id; `pointer` says where."""

    kind: Kind
    id: UUID
    pointer: str


class Repository(Protocol[A, V_co]):
    """The aggregates of one kind. What is got for change is locked until the transaction ends."""

    async def find(self, id_: UUID) -> A | None:
        """Return the aggregate, locked for change, or None."""
        ...

    async def get(self, id_: UUID, *, seen: int | None = None) -> A:
        """Return the aggregate, locked for change; raise not-found, or stale unless it is at `seen`."""
        ...

    async def known(self, ids: Collection[UUID]) -> Mapping[UUID, A]:
        """Return those that exist, for reading."""
        ...

    async def add(self, new: A, *events: Event, note: str | None = None) -> Saved[V_co] | None:
        """Save a new aggregate and its events; None if the id is taken, and then nothing is written."""
        ...

    async def save(
        self, changed: A, *events: Event, note: str | None = None, reason: str | None = None
    ) -> Saved[V_co]:
        """Save a changed aggregate, which was got in this transaction, and its events.

        `note` and `reason` are kept in the timeline only: words never leave the service.
        """
        ...

    async def unchanged(self, id_: UUID) -> Saved[V_co]:
        """Return what `save` would, of an aggregate that was got and stays as it is."""
        ...


class Settings(Protocol):
    """What most commands read and few change; not locked."""

    async def tenant(self) -> Tenant:
        """Return the tenant's calendar and currency; raise conflict if the tenant is not set up."""
        ...

    async def funnel(self, code: str) -> Funnel:
        """Return the funnel in force; raise an unknown-reference error if there is none."""
        ...


class References(Protocol):
    """Whether what a body mentions exists."""

    async def require(self, references: Sequence[Reference]) -> None:
        """Raise `unknown-reference`, with the place, if one does not exist."""
        ...


class OrgChart(Protocol):
    """Everybody's memberships, for rules about the whole chart."""

    async def chart(self) -> Chart:
        """Return the whole chart; no other transaction changes it until this one ends."""
        ...


class SpendBook(Protocol):
    """A campaign's spend: entries are added, never changed."""

    async def find(self, spend_id: UUID) -> Spend | None:
        """Return one entry."""
        ...

    async def reversed(self, spend_id: UUID) -> bool:
        """Say whether an entry has been taken back."""
        ...

    async def add(self, entry: Spend) -> SpendView:
        """Keep an entry."""
        ...


class TouchBook(Protocol):
    """The contacts with a lead."""

    async def of(self, lead_id: UUID, *, limit: int) -> Sequence[Touch]:
        """Return a lead's touches, oldest first."""
        ...

    async def add(self, lead_id: UUID, touch: Touch) -> TouchView:
        """Keep a touch."""
        ...

    async def move(self, lead_id: UUID, *, to: UUID) -> None:
        """Give a merged lead's touches to the one that survives."""
        ...


class ActivityBook(Protocol):
    """The work on deals."""

    async def add(self, activity: Activity) -> ActivityView:
        """Keep an activity."""
        ...


class Erasures(Protocol):
    """Who was erased, and who shall be."""

    async def of(self, subject_id: UUID) -> Erasure | None:
        """Return the erasure of a lead or a person, locked, if there is one."""
        ...

    async def get(self, erasure_id: UUID) -> Erasure:
        """Return an erasure, locked; raise not-found."""
        ...

    async def add(self, erasure: Erasure) -> None:
        """Keep a request."""
        ...

    async def carry_out(self, done: Erasure, event: SubjectErased) -> UUID:
        """Destroy what is known, say so, and keep the receipt; return the event that says it.

        The person is the subject, every lead with the same e-mail address, and those merged with them.
        The event names them all, and the deals that came from them, for those who keep words about them.
        """
        ...

    async def refuse_erased(self, address: str | None, pointer: str) -> None:
        """Raise `gone`, with the place, if the e-mail address was that of somebody who was erased."""
        ...


class Exports(Protocol):
    """Everything that is known of one person."""

    async def of(self, kind: SubjectKind, subject_id: UUID) -> SubjectExport:
        """Return what is known; raise not-found, or `gone` if it was erased."""
        ...


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction of one tenant; `imported` marks rows of another system, where rules are laxer."""

    tenant_id: UUID
    actor: str
    now: datetime
    imported: bool
    settings: Settings
    references: References
    org: OrgChart
    tenants: Repository[Tenant, TenantView]
    people: Repository[Person, PersonView]
    accounts: Repository[Account, AccountView]
    products: Repository[Product, ProductView]
    campaigns: Repository[Campaign, CampaignView]
    funnels: Repository[Funnel, FunnelView]
    leads: Repository[Lead, LeadView]
    deals: Repository[Deal, DealView]
    spend: SpendBook
    touches: TouchBook
    activities: ActivityBook
    erasures: Erasures
    exports: Exports


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity that a batch names: its subject, which is locked for change, or only a reference."""

    kind: Kind
    id: UUID
    subject: bool = False


class Batch(Protocol):
    """A transaction over many items: read in few questions, each item wholly in or not at all."""

    @property
    def tx(self) -> Tx:
        """The repositories of the whole batch; what one item writes the next one sees."""
        ...

    async def prefetch(
        self, mentions: Collection[Mention], addresses: Collection[str] = ()
    ) -> None:
        """Read at once what the items will ask for one by one: things, and erased e-mail addresses."""
        ...

    def item(self) -> AbstractContextManager[None]:
        """Keep what is written inside, or forget all of it on a `DomainError`, which goes on."""
        ...

    async def remembered(self, source: str, keys: Collection[str]) -> Mapping[str, bytes]:
        """Return the fingerprints of items that were imported before."""
        ...

    def remember(self, source: str, key: str, fingerprint: bytes) -> None:
        """Note an item as imported."""
        ...

    async def flush(self) -> None:
        """Write everything that was kept; raises `StaleVersion` if somebody was faster."""
        ...


class BatchFactory(Protocol):
    """Makes a batch over an open transaction."""

    def __call__(self, conn: Any, metadata: Metadata, *, imported: bool) -> Batch:
        """Return the batch of the metadata's tenant."""
        ...


class TxFactory(Protocol):
    """Makes the bundle of repositories over an open transaction."""

    def __call__(self, conn: Any, metadata: Metadata) -> Tx:
        """Return the repositories of the metadata's tenant."""
        ...
