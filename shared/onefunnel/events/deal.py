"""What happens to a deal."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import DEAL
from onefunnel.events.values import (
    AccountId,
    CampaignId,
    Code,
    Currency,
    DealId,
    DecimalText,
    Instant,
    LeadId,
    Minor,
    Money,
    PersonId,
    ProductId,
    StepKey,
    Value,
)

LossOutcome = Literal["lost_to_competitor", "status_quo", "disqualified", "ghosted", "unspecified"]
CreditRole = Literal["owner", "overlay", "marketer"]


class Origin(Value):
    """The lead a deal came from, frozen at conversion: when it first entered each lead step."""

    lead_id: LeadId
    source: Code | None = None
    campaign_id: CampaignId | None = None
    segment: Code | None = None
    steps: dict[StepKey, Instant] = Field(default_factory=dict)
    owner_id: PersonId | None = None


class DealLine(Value):
    """A product line as booked. Amounts are for the whole line, in minor units of the deal's currency.

    `cost_minor` is None when nobody knows it; `cost_assumed` marks one that a mapping made up.
    """

    line_id: Code
    product_id: ProductId | None = None
    quantity: DecimalText = "1"
    list_minor: Minor | None = None
    revenue_minor: Minor
    cost_minor: Minor | None = None
    cost_assumed: bool = False


class Credit(Value):
    """Who is credited with the deal. Owners' shares sum to 1 or are all left out (equal shares)."""

    person_id: PersonId
    role: CreditRole = "owner"
    split: DecimalText | None = None


@event("onefunnel.deal.created.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealCreated(Event):
    """A deal was opened in a step; without a time it is open but in no cohort."""

    deal_id: DealId
    created_at: Instant | None
    funnel: Code = "default"
    stage: StepKey
    owner_id: PersonId | None = None
    amount: Money | None = None
    account_id: AccountId | None = None
    product_id: ProductId | None = None
    source: Code | None = None
    campaign_id: CampaignId | None = None
    segment: Code | None = None
    expected_close_on: date | None = None
    origin: Origin | None = None


@event("onefunnel.deal.updated.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealUpdated(Event):
    """The deal's owner, amount or labels changed; all are given as they now are.

    When it was opened and where it came from are said only if they became known now.
    """

    deal_id: DealId
    owner_id: PersonId | None
    amount: Money | None
    account_id: AccountId | None
    product_id: ProductId | None
    source: Code | None
    campaign_id: CampaignId | None
    segment: Code | None
    expected_close_on: date | None
    created_at: Instant | None = None
    origin: Origin | None = None


@event("onefunnel.deal.stage_changed.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealStageChanged(Event):
    """The deal moved to another step, forward or back; `corrects` names the event it replaces."""

    deal_id: DealId
    from_: Annotated[StepKey, Field(alias="from")]
    to: StepKey
    at: Instant
    corrects: UUID | None = None


@event("onefunnel.deal.won.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealWon(Event):
    """The deal was booked with its lines, costs and credits; a higher version corrects a lower one."""

    deal_id: DealId
    version: int = Field(ge=1)
    at: Instant
    currency: Currency
    lines: tuple[DealLine, ...]
    credits: tuple[Credit, ...]


@event("onefunnel.deal.lost.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealLost(Event):
    """The deal ended without a sale, for a stated reason."""

    deal_id: DealId
    at: Instant
    outcome: LossOutcome
    competitor: Code | None = None
    reason: Code


@event("onefunnel.deal.reopened.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealReopened(Event):
    """A closed deal was opened again in its last step."""

    deal_id: DealId
    at: Instant


@event("onefunnel.deal.cancelled.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealCancelled(Event):
    """A won deal was undone as if it had never been booked."""

    deal_id: DealId
    at: Instant


@event("onefunnel.deal.refunded.v1", topic=DEAL, aggregate="deal", key="deal_id")
class DealRefunded(Event):
    """A fraction of a won deal was paid back; fractions add up and count to at most 1."""

    deal_id: DealId
    refund_id: UUID
    at: Instant
    fraction: DecimalText


@event("onefunnel.deal.payment_received.v1", topic=DEAL, aggregate="deal", key="deal_id")
class PaymentReceived(Event):
    """The customer paid part of a won deal."""

    deal_id: DealId
    payment_id: UUID
    at: Instant
    amount: Money


@event("onefunnel.activity.logged.v1", topic=DEAL, aggregate="deal", key="deal_id")
class ActivityLogged(Event):
    """Somebody worked on the deal: a call, a meeting, a joint call."""

    deal_id: DealId
    activity_id: UUID
    at: Instant
    kind: Code
    person_id: PersonId | None = None
    two_way: bool = False
