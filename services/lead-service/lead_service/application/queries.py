"""What a user can read: resources by id, lists, timelines, names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from lead_service.application.views import (
    AccountView,
    ActivityView,
    CampaignView,
    CrmTotal,
    DealStanding,
    DealView,
    ErasureView,
    FunnelView,
    HistoryView,
    LeadView,
    PersonView,
    ProductView,
    SpendView,
    TenantView,
)
from onefunnel.reach import Circle, Owners

V_co = TypeVar("V_co", covariant=True)

OwnedKind = Literal["lead", "deal"]

# Column -> the one value that rows must have; None filters nothing.
Filters = Mapping[str, object]
# The sort key of the row before the page, as its cursor kept it.
After = tuple[str | int | None, ...]


class Reads(Protocol[V_co]):
    """One kind of resource."""

    async def get(self, tenant_id: UUID, id_: UUID) -> V_co:
        """Return one resource; raise not-found."""
        ...

    async def page(
        self,
        tenant_id: UUID,
        filters: Filters,
        *,
        after: After | None,
        limit: int,
        owners: Owners | None = None,
    ) -> Sequence[V_co]:
        """Return up to `limit` resources of `owners` that follow `after`, in the order of `key_of`."""
        ...

    def key_of(self, view: object) -> After:
        """Return the sort key of a resource."""
        ...


@dataclass(frozen=True)
class Queries:
    """Everything that can be read."""

    tenants: Reads[TenantView]
    people: Reads[PersonView]
    accounts: Reads[AccountView]
    products: Reads[ProductView]
    campaigns: Reads[CampaignView]
    spend: Reads[SpendView]
    funnels: Reads[FunnelView]
    leads: Reads[LeadView]
    deals: Reads[DealView]
    activities: Reads[ActivityView]
    erasures: Reads[ErasureView]
    timelines: "Timelines"
    names: "Names"
    crm: "CrmStandings"
    circles: "Circles"


class Timelines(Protocol):
    """What happened to a lead or a deal, newest first."""

    async def page(
        self, tenant_id: UUID, aggregate_id: UUID, *, after: After | None, limit: int
    ) -> Sequence[HistoryView]:
        """Return up to `limit` facts that are older than `after`."""
        ...


class Names(Protocol):
    """Words for ids, for answers that are composed elsewhere."""

    async def of(self, tenant_id: UUID, wanted: Mapping[str, Sequence[UUID]]) -> Mapping[UUID, str]:
        """Return the names of those that exist, by kind: person, account, product, campaign, deal, lead."""
        ...


class CrmStandings(Protocol):
    """How a CRM's records stand here, to be compared with the CRM."""

    async def totals(self, tenant_id: UUID, source: str) -> Sequence[CrmTotal]:
        """Return how many records of a source are here, deals by state and currency."""
        ...

    async def deals(self, tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, DealStanding]:
        """Return how those of the deals stand that are here."""
        ...

    async def leads(self, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[UUID]:
        """Return those of the leads that are here."""
        ...


class Circles(Protocol):
    """Whose things are whose, and who stands around whom."""

    async def around(self, tenant_id: UUID, person_id: UUID | None) -> Circle:
        """Return the people around a person, as the chart has them now."""
        ...

    async def owner(self, tenant_id: UUID, kind: OwnedKind, id_: UUID) -> UUID | None:
        """Return whose a thing is, None if nobody's; raise not-found."""
        ...

    async def is_credited(self, tenant_id: UUID, deal_id: UUID, person_id: UUID) -> bool:
        """Say whether a deal was booked to a person's credit, among others or alone."""
        ...
