"""What reads answer with: one flat dataclass per resource, named as the columns are."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from lead_service.domain.erasure import last_copies_gone
from lead_service.domain.values import External
from onefunnel.events.values import Money

# JSON as it is stored: written by this service, so its shape is that of the response model.
Json = Any


class HasExternal:
    """A view of something that another system may know by a name of its own."""

    __slots__ = ()
    external_source: str | None
    external_id: str | None

    @property
    def external(self) -> External | None:
        """Return the outside name, if there is one."""
        if self.external_source is None or self.external_id is None:
            return None
        return External(self.external_source, self.external_id)


@dataclass(frozen=True)
class TenantView:
    """The tenant's calendar and currency."""

    id: UUID
    version: int
    time_zone: str
    currency: str
    fiscal_year_start: int


@dataclass(frozen=True)
class PersonView(HasExternal):
    """A person with the whole history of where they stood."""

    id: UUID
    version: int
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    kind: str
    active: bool
    memberships: Json
    external_source: str | None
    external_id: str | None


@dataclass(frozen=True)
class AccountView(HasExternal):
    """An account."""

    id: UUID
    version: int
    name: str = field(repr=False)
    segment: str | None
    external_source: str | None
    external_id: str | None


@dataclass(frozen=True)
class ProductView(HasExternal):
    """A product."""

    id: UUID
    version: int
    name: str = field(repr=False)
    list_minor: int | None
    currency: str | None
    active: bool
    external_source: str | None
    external_id: str | None


@dataclass(frozen=True)
class CampaignView(HasExternal):
    """A campaign."""

    id: UUID
    version: int
    name: str = field(repr=False)
    channel: str | None
    starts_on: date | None
    ends_on: date | None
    external_source: str | None
    external_id: str | None


@dataclass(frozen=True)
class SpendView:
    """One entry of a campaign's spend."""

    id: UUID
    campaign_id: UUID
    spent_on: date
    amount_minor: int
    currency: str
    reverses: UUID | None
    note: str | None = field(repr=False)

    @property
    def amount(self) -> Money:
        """Return the amount; negative for a reversal."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)


@dataclass(frozen=True)
class FunnelView:
    """A funnel with all its versions."""

    id: UUID
    version: int
    code: str
    versions: Json
    active: int | None


@dataclass(frozen=True)
class LeadView(HasExternal):
    """A lead as it stands."""

    id: UUID
    version: int
    state: str
    captured_at: datetime | None
    recorded_at: datetime
    funnel: str
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    company: str | None = field(repr=False)
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    attributes: Json = field(repr=False)
    owner_id: UUID | None
    qualified_at: datetime | None
    accepted_at: datetime | None
    converted_at: datetime | None
    deal_id: UUID | None
    merged_into: UUID | None
    recycle_until: date | None
    external_source: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class ExportedWords:
    """Words in the vault: about whom or what, and of which sort."""

    subject_id: UUID
    sort: str
    version: int
    words: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExportedFact:
    """Something that happened; the event says the rest."""

    event_id: UUID
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SubjectExport:
    """Everything that is known of somebody."""

    subject_id: UUID
    kind: str
    words: list[ExportedWords]
    facts: list[ExportedFact]


@dataclass(frozen=True)
class ErasureView:
    """An erasure as it stands."""

    id: UUID
    version: int
    kind: str
    subject_id: UUID
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    erased_at: datetime | None

    @property
    def status(self) -> str:
        """Return how far it is."""
        return "requested" if self.erased_at is None else "erased"

    @property
    def complete_by(self) -> datetime | None:
        """Return when the last sealed copy is gone by itself."""
        return last_copies_gone(self.erased_at)


@dataclass(frozen=True)
class TouchView:
    """One contact with a lead."""

    id: UUID
    lead_id: UUID
    touched_at: datetime
    side: str
    channel: str
    human: bool
    campaign_id: UUID | None
    person_id: UUID | None
    note: str | None = field(repr=False)


@dataclass(frozen=True)
class DealView(HasExternal):
    """A deal as it stands."""

    id: UUID
    version: int
    state: str
    stage: str
    funnel: str
    name: str | None = field(repr=False)
    currency: str
    created_at: datetime | None
    recorded_at: datetime
    closed_at: datetime | None
    owner_id: UUID | None
    amount_minor: int | None
    account_id: UUID | None
    product_id: UUID | None
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    expected_close_on: date | None
    origin: Json
    outcome: str | None
    competitor: str | None
    reason: str | None
    booking: Json
    refunded: str
    paid_minor: int
    external_source: str | None
    external_id: str | None

    @property
    def amount(self) -> Money | None:
        """Return the expected amount."""
        if self.amount_minor is None:
            return None
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    @property
    def paid(self) -> Money:
        """Return what the customer paid so far."""
        return Money(amount_minor=self.paid_minor, currency=self.currency)


@dataclass(frozen=True)
class ActivityView:
    """One piece of work on a deal."""

    id: UUID
    deal_id: UUID
    at: datetime
    kind: str
    person_id: UUID | None
    two_way: bool
    note: str | None = field(repr=False)


@dataclass(frozen=True)
class HistoryView:
    """One fact of a timeline: what happened, when, by whom, and the event that says so.

    `left_at` is when the state that was entered ended; None while it lasts, or if none was entered.
    """

    sequence: int
    event_id: UUID
    what: str
    at: datetime
    left_at: datetime | None
    recorded_at: datetime
    actor_id: str
    from_state: str | None
    to_state: str | None
    details: Json
    note: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CrmTotal:
    """How many records of one source are here, in one state and currency."""

    kind: str
    state: str | None
    currency: str | None
    count: int
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class DealStanding:
    """What a CRM's deal amounts to here."""

    state: str
    currency: str
    amount_minor: int | None
