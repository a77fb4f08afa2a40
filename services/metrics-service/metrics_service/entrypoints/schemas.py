"""The bodies of the commands, and what they answer.

Unknown fields are refused: a plan with a rule that we would ignore must never look accepted.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from metrics_service.application.commands import AssignPlan, ProposeAdjustment, SetQuota
from metrics_service.domain.adjustment import Adjustment, Status
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.plan import Plan, PlanDraft
from metrics_service.domain.quota import Quota
from onefunnel.events.plans import Component, Granularity, Measure
from onefunnel.events.values import Code, DecimalText, Minor, Money, PersonId
from onefunnel.http.bodies import Body, Day, Id, KnownCurrency, Period, Shown, Time, Words


class TierRowBody(Body):
    """One row of a tier table: from here on, either a rate or a multiplier `x` of the component's rate."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[DecimalText, Field(alias="from")]
    rate: DecimalText | None = None
    x: DecimalText | None = None


class TiersBody(Body):
    """A tier table: what its key is, and whether a row pays its own part or the whole."""

    basis: Literal["amount", "attainment", "count", "avg_margin_pct"]
    mode: Literal["marginal", "retroactive"]
    table: Annotated[tuple[TierRowBody, ...], Field(min_length=1, max_length=100)]


class ComponentBody(Body):
    """One pay rule: a rate on a measure of credited deals, flat or by tiers, accumulated per period."""

    id: Code
    kind: Literal["rate"] = "rate"
    measure: Measure
    negative_margin: Literal["zero", "carry"] = "zero"
    roles: Annotated[tuple[Literal["owner", "overlay", "marketer"], ...], Field(max_length=3)] = (
        "owner",
    )
    products: Annotated[tuple[Id, ...] | None, Field(max_length=1_000)] = None
    source: Code | None = None
    period: Granularity = "month"
    rate: DecimalText | None = None
    tiers: TiersBody | None = None

    def component(self) -> Component:
        """Return the component of the published language."""
        return Component.model_validate(self.model_dump(by_alias=True))


class PlanBody(Body):
    """A plan, or with `plan_id` the next version of one."""

    plan_id: Id | None = None
    name: Code = "plan"
    currency: KnownCurrency
    rounding: Literal["half_up", "half_even"] = "half_up"
    components: Annotated[tuple[ComponentBody, ...], Field(min_length=1, max_length=50)]

    def draft(self) -> PlanDraft:
        """Return what the person wrote."""
        return PlanDraft(
            name=self.name,
            currency=self.currency,
            rounding=self.rounding,
            components=tuple(c.component() for c in self.components),
        )


class PlanAnswer(Shown):
    """A plan version in force; `warnings` are what a careful reader would ask about."""

    plan_id: UUID
    version: int
    name: str
    currency: str
    rounding: str
    components: tuple[Component, ...]
    warnings: list[str] = Field(default=[])

    @classmethod
    def of(cls, plan: Plan, warnings: list[str]) -> "PlanAnswer":
        """Return the answer for the plan as it now is."""
        return cls(**plan.current.model_dump(), warnings=warnings)


class AssignmentBody(Body):
    """Who is paid by which plan, and when; both dates inclusive, `to` null is open."""

    model_config = ConfigDict(populate_by_name=True)

    person: Id
    plan: Id
    from_: Annotated[Day, Field(alias="from")]
    to: Day | None = None

    def command(self) -> AssignPlan:
        """Return the command."""
        return AssignPlan(PersonId(self.person), self.plan, self.from_, self.to)


class EndBody(Body):
    """The last day of an assignment."""

    to: Day


class AssignmentAnswer(Shown):
    """An assignment as it now is."""

    model_config = ConfigDict(populate_by_name=True)

    id: UUID
    person: UUID
    plan: UUID
    from_: Annotated[date, Field(alias="from")]
    to: date | None

    @classmethod
    def of(cls, a: Assignment) -> "AssignmentAnswer":
        """Return the answer for an assignment."""
        return cls(id=a.id, person=a.person_id, plan=a.plan_id, from_=a.from_, to=a.to)


class QuotaBody(Body):
    """A quota of a person in a period, for one component or for the person as a whole."""

    person: Id
    measure: Literal["revenue", "margin", "count"]
    period: Period
    component: Code | None = None
    currency: KnownCurrency | None = None
    amount_minor: Annotated[Minor, Field(ge=1)] | None = None
    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    def command(self) -> SetQuota:
        """Return the command."""
        fields = self.model_dump(exclude={"person"})
        return SetQuota(person_id=PersonId(self.person), **fields)


class QuotaAnswer(Shown):
    """A quota as it now is."""

    id: UUID
    person: UUID
    measure: str
    period: str
    component: str | None
    currency: str | None
    amount_minor: int | None
    count: int | None

    @classmethod
    def of(cls, q: Quota) -> "QuotaAnswer":
        """Return the answer for a quota."""
        return cls(
            id=q.id,
            person=q.person_id,
            measure=q.measure,
            period=q.period,
            component=q.component,
            currency=q.currency,
            amount_minor=q.amount_minor,
            count=q.count,
        )


class AmountBody(Body):
    """An amount in minor units of one currency."""

    amount_minor: Minor
    currency: KnownCurrency


class AdjustmentBody(Body):
    """An amount to pay or to take back, and why. The reason in words never leaves this service."""

    person: Id
    at: Time
    amount: AmountBody
    reason: Words
    code: Code = "adjustment"

    def command(self) -> ProposeAdjustment:
        """Return the command."""
        amount = Money(amount_minor=self.amount.amount_minor, currency=self.amount.currency)
        return ProposeAdjustment(PersonId(self.person), self.at, amount, self.reason, self.code)


class AdjustmentAnswer(Shown):
    """An adjustment as it stands: in the book if it is approved, and only then."""

    id: UUID
    person: UUID
    at: datetime
    amount: Money
    reason: str
    code: str
    status: Status
    proposed_by: Annotated[
        UUID | None, Field(description="Unknown of those that were posted by one person alone.")
    ]
    decided_by: UUID | None
    decided_at: datetime | None

    @classmethod
    def of(cls, a: Adjustment) -> "AdjustmentAnswer":
        """Return the answer for an adjustment."""
        return cls(
            id=a.id,
            person=a.person_id,
            at=a.at,
            amount=a.amount,
            reason=a.reason,
            code=a.code,
            status=a.status,
            proposed_by=a.proposed_by,
            decided_by=a.decided_by,
            decided_at=a.decided_at,
        )


class PeriodAnswer(Shown):
    """A closed period."""

    period: str
    closed_at: datetime
