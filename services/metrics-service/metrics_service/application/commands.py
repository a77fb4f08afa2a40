"""What may be done about pay. Each is one transaction; the caller commits."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from metrics_service.application.ports import Saved, Tx
from metrics_service.domain import adjustment, assignment, period, plan, quota
from metrics_service.domain.adjustment import Adjustment
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.period import ClosedPeriod, Period
from metrics_service.domain.plan import Plan, PlanDraft
from metrics_service.domain.quota import Quota, QuotaMeasure
from metrics_service.projections.calendar import (
    granularity_of,
    local_days,
    micros,
    period_bounds,
    period_of,
)
from onefunnel.events.values import Money, PersonId
from onefunnel.ids import new_id


async def activate_plan(draft: PlanDraft, *, tx: Tx) -> Saved[Plan]:
    """Put a new plan in force."""
    activated, event = plan.activate(new_id(), draft)
    return await tx.plans.save(activated, event)


async def revise_plan(plan_id: UUID, draft: PlanDraft, *, tx: Tx) -> Saved[Plan]:
    """Put the next version of a plan in force, for everybody assigned to it."""
    revised, event = (await tx.plans.get(plan_id)).revise(draft)
    return await tx.plans.save(revised, event)


@dataclass(frozen=True, slots=True)
class AssignPlan:
    """Pay a person by a plan from a day on, to a day or openly; both inclusive."""

    person_id: PersonId
    plan_id: UUID
    from_: date
    to: date | None


async def assign_plan(command: AssignPlan, *, tx: Tx) -> Saved[Assignment]:
    """Assign a plan that exists to a person who has no other in that time."""
    await tx.plans.get(command.plan_id)
    wanted = Assignment(new_id(), command.person_id, command.plan_id, command.from_, command.to)
    existing = await tx.assignments.of_person(command.person_id)
    assigned, event = assignment.assign(wanted, existing=existing)
    return await tx.assignments.save(assigned, event)


async def end_assignment(assignment_id: UUID, to: date, *, tx: Tx) -> Saved[Assignment]:
    """Give an open assignment its last day."""
    ended, event = (await tx.assignments.get(assignment_id)).end(to)
    return await tx.assignments.save(ended, event)


@dataclass(frozen=True, slots=True)
class SetQuota:
    """Expect an amount or a count from a person in a period."""

    person_id: PersonId
    measure: QuotaMeasure
    period: str
    component: str | None
    currency: str | None
    amount_minor: int | None
    count: int | None


async def set_quota(command: SetQuota, *, tx: Tx) -> Saved[Quota]:
    """Set a quota, in place of an earlier one with the same person, measure, component and period."""
    identity = tx.quotas.id_of(
        command.person_id, command.measure, command.component, command.period
    )
    wanted, event = quota.set_quota(
        Quota(
            id=identity,
            person_id=command.person_id,
            measure=command.measure,
            period=command.period,
            component=command.component,
            currency=command.currency,
            amount_minor=command.amount_minor,
            count=command.count,
        )
    )
    return await tx.quotas.save(wanted, event)


@dataclass(frozen=True, slots=True)
class ProposeAdjustment:
    """Ask that an amount be paid or taken back by hand, for a reason given in words."""

    person_id: PersonId
    at: datetime
    amount: Money
    reason: str = field(repr=False)
    code: str


async def propose_adjustment(
    command: ProposeAdjustment, *, by: UUID | None, tx: Tx
) -> Saved[Adjustment]:
    """Propose an adjustment; nothing is posted before another person approves it."""
    proposed = adjustment.propose(
        Adjustment(
            id=new_id(),
            person_id=command.person_id,
            at=command.at,
            amount=command.amount,
            reason=command.reason,
            code=command.code,
            proposed_by=by,
        )
    )
    return await tx.adjustments.save(proposed)


async def approve_adjustment(adjustment_id: UUID, *, by: UUID | None, tx: Tx) -> Saved[Adjustment]:
    """Post a proposed adjustment into the first open period from its date on."""
    proposed = await tx.adjustments.get(adjustment_id)
    approved, event = proposed.approve(by=by, at=tx.clock.now())
    return await tx.adjustments.save(approved, event)


async def reject_adjustment(adjustment_id: UUID, *, by: UUID | None, tx: Tx) -> Saved[Adjustment]:
    """Turn a proposed adjustment down."""
    proposed = await tx.adjustments.get(adjustment_id)
    return await tx.adjustments.save(proposed.reject(by=by, at=tx.clock.now()))


async def close_period(name: str, *, tx: Tx) -> Saved[ClosedPeriod]:
    """Close a pay period that is over, after the one before it."""
    calendar = await tx.periods.calendar()
    granularity = granularity_of(name)
    first, last = period_bounds(name, calendar.fiscal_year_start)
    wanted = Period(
        id=tx.periods.id_of(name),
        name=name,
        ends_before=last + timedelta(days=1),
        previous=period_of(first - timedelta(days=1), granularity, calendar.fiscal_year_start),
    )
    now = tx.clock.now()
    closed, event = period.close(
        wanted,
        latest_closed=await tx.periods.latest_closed(granularity),
        today=local_days(calendar.time_zone).day(micros(now)),
        at=now,
    )
    return await tx.periods.save(closed, event)
