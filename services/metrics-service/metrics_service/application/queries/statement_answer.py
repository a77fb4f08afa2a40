"""What `GET /v1/compensation/statements` answers: every amount with all that led to it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from metrics_service.application.metric import Assumed, Metric, Money
from metrics_service.application.queries.answer import Projection


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A product line of the deal as booked, before refunds. Without cost it has no margin."""

    line_id: str
    product: str | None
    list_value: Money | None
    revenue: Money
    cost: Money | None
    margin: Money | None
    cost_assumed: bool


@dataclass(frozen=True, slots=True)
class TierUse:
    """A row of the rate table that the line used: its rate on a part of the base, exactly."""

    from_: Annotated[str | None, Field(alias="from")]
    rate: str
    part: str
    amount: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What one deal earns under one component. `before` and `after` are the base credited in the period."""

    deal: UUID
    deal_version: int
    booked_on: date
    roles: list[str]
    split: str | None
    refunded: str
    deal_base: Money
    base: Money
    before: Money
    after: Money
    tiers: list[TierUse]
    exact: str
    rounding: str
    amount: Money
    reason: str | None
    assumed_lines: int
    uncosted_lines: int
    booked_lines: list[BookedLine]
    cause_event_ids: list[UUID]
    sentence: str


@dataclass(frozen=True, slots=True)
class QuotaView:
    """The quota as far as it falls into the assignment, exactly: `a/b` where it is no whole number."""

    value: str
    counts_deals: bool


@dataclass(frozen=True, slots=True)
class ComponentView:
    """One component of one assignment in the period: the lines sum to the total."""

    component: str
    plan: UUID
    plan_version: int
    plan_name: str
    assignment: UUID
    measure: str
    table: str | None
    base: Money
    revenue: Money
    margin: Money
    deals: int
    average_margin: Metric | None
    quota: QuotaView | None
    attainment: Metric | None
    attained: bool | None
    lines: list[StatementLine]
    total: Money
    assumed: Assumed
    note: str | None
    explain: dict[str, str]


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that an entry was posted for."""

    event_id: UUID
    type: str | None
    entity: UUID | None
    happened_at: datetime | None


@dataclass(frozen=True, slots=True)
class RetroEntry:
    """An entry of this period's statement for an earlier one, which was closed."""

    entry_id: int
    component: str
    earned_period: str
    amount: Money
    plan_version: int | None
    cause: Cause
    inputs: dict[str, Any]
    sentence: str


@dataclass(frozen=True, slots=True)
class AdjustmentEntry:
    """An amount that somebody decided, with the reason in words."""

    entry_id: int
    amount: Money
    earned_period: str
    reasons: list[str]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Totals:
    """What the period's postings come to in one currency."""

    currency: str
    earned: Money
    retro: Money
    adjustments: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Check:
    """The lines against the book. They differ only while a change of rules is still being worked off."""

    currency: str
    lines: Money
    posted: Money
    equal: bool


@dataclass(frozen=True, slots=True)
class MirrorLine:
    """What is left of a commission at a discount, under a plan on revenue and under one on margin."""

    discount: str
    kept_on_revenue: str
    kept_on_margin: str


@dataclass(frozen=True, slots=True)
class Mirror:
    """Margin against revenue: what a discount costs the company, next to what it costs the payee."""

    gross_margin: str
    sentence: str
    rows: list[MirrorLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementAnswer(Projection):
    """What a person earned in a period, and why."""

    payee: UUID
    period: str
    closed: bool
    closed_at: datetime | None
    components: list[ComponentView]
    retro: list[RetroEntry]
    adjustments: list[AdjustmentEntry]
    totals: list[Totals]
    checks: list[Check]
    mirror: Mirror | None
    sentence: str
