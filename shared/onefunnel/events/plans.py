"""How people are paid: plan documents, assignments, quotas, closes. Arithmetic: metrics_service.projections.pay."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import PAY
from onefunnel.events.values import (
    Code,
    Currency,
    DecimalText,
    Instant,
    Minor,
    Period,
    PersonId,
    ProductId,
    Value,
)

Measure = Literal["revenue", "margin"]
Granularity = Literal["month", "quarter", "year"]


class TierRow(Value):
    """One row `[from, next)` of a tier table: either a rate, or a multiplier `x` of the component's rate."""

    from_: Annotated[DecimalText, Field(alias="from")]
    rate: DecimalText | None = None
    x: DecimalText | None = None


class Tiers(Value):
    """A tier table: what its key is, and whether a row pays its own part or the whole base."""

    basis: Literal["amount", "attainment", "count", "avg_margin_pct"]
    mode: Literal["marginal", "retroactive"]
    table: tuple[TierRow, ...] = Field(min_length=1, max_length=100)


class Component(Value):
    """One pay rule: a rate on a measure of credited deals, flat or by tiers, accumulated per period."""

    id: Code
    kind: Literal["rate"] = "rate"
    measure: Measure
    negative_margin: Literal["zero", "carry"] = "zero"
    roles: tuple[Literal["owner", "overlay", "marketer"], ...] = ("owner",)
    products: tuple[ProductId, ...] | None = None
    source: Code | None = None
    period: Granularity = "month"
    rate: DecimalText | None = None
    tiers: Tiers | None = None


class PlanDocument(Value):
    """A compensation plan: immutable once active, replaced by a higher version."""

    plan_id: UUID
    version: int = Field(ge=1)
    name: Code
    currency: Currency
    rounding: Literal["half_up", "half_even"] = "half_up"
    components: tuple[Component, ...] = Field(min_length=1, max_length=50)


@event("onefunnel.plan.activated.v1", topic=PAY, aggregate="plan", key="plan_id")
class PlanActivated(Event):
    """A plan version came into force for everybody assigned to the plan."""

    plan_id: UUID
    plan: PlanDocument


@event("onefunnel.plan.assigned.v1", topic=PAY, aggregate="assignment", key="assignment_id")
class PlanAssigned(Event):
    """A person is paid by a plan between two dates, both inclusive; `to` None is open."""

    assignment_id: UUID
    person_id: PersonId
    plan_id: UUID
    from_: Annotated[date, Field(alias="from")]
    to: date | None = None


@event("onefunnel.quota.set.v1", topic=PAY, aggregate="quota", key="quota_id")
class QuotaSet(Event):
    """A person's quota for a period was set; the newest one for the same person, component and period counts."""

    quota_id: UUID
    person_id: PersonId
    measure: Literal["revenue", "margin", "count"]
    component: Code | None = None
    period: Period
    currency: Currency | None = None
    amount_minor: Minor | None = None
    count: int | None = None


@event("onefunnel.period.closed.v1", topic=PAY, aggregate="period", key="period_id")
class PeriodClosed(Event):
    """A pay period was closed; what becomes known later is posted into the first open one."""

    period_id: UUID
    period: Period
    closed_at: Instant


@event("onefunnel.adjustment.posted.v1", topic=PAY, aggregate="adjustment", key="adjustment_id")
class AdjustmentPosted(Event):
    """A person decided to pay or take back an amount; the reason in words stays in metrics-service."""

    adjustment_id: UUID
    person_id: PersonId
    at: Instant
    amount_minor: Minor
    currency: Currency
    reason: Code
