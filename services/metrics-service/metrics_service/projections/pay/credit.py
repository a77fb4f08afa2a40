"""Who is credited with what of a won deal, under which assignment and component."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

from metrics_service.projections.calendar import period_of
from metrics_service.projections.definitions import Assignment, Definitions
from metrics_service.projections.facts_deal import SCALE, Booking, Line
from metrics_service.projections.keys import Key, PayKey, PayVector, Vector
from metrics_service.projections.pay.plan import CompiledComponent, CompiledPlan
from metrics_service.projections.pay.split import divided, portion
from metrics_service.projections.sales import kept
from metrics_service.projections.shape import add_to

OWNER = "owner"
_ONLY = {role: frozenset({role}) for role in (OWNER, "overlay", "marketer")}


class Rule(NamedTuple):
    """A component that pays a credited person for the deal."""

    assignment: Assignment
    plan: CompiledPlan
    component: CompiledComponent
    key: PayKey


class Measured(NamedTuple):
    """What a whole deal measures for a component, before it is divided."""

    base_minor: int
    revenue_minor: int
    margin_minor: int
    uncosted_lines: int
    assumed_lines: int
    eligible_lines: int


def roles_of(booking: Booking, person_id: UUID) -> frozenset[str]:
    """Return the roles in which a person is credited."""
    if len(booking.credits) == 1:
        return _ONLY[booking.credits[0].role]
    return frozenset(c.role for c in booking.credits if c.person_id == person_id)


def rules_for(
    person_id: UUID, roles: frozenset[str], source: str, booked_on: date, rules: Definitions
) -> Iterator[Rule]:
    """Yield the components in force on the booking day that pay for one of the person's roles."""
    for assignment in rules.assignments.get(person_id, ()):
        plan = rules.plans.get(assignment.plan_id)
        if plan is None or not assignment.from_ <= booked_on <= assignment.to:
            continue
        for component in plan.components:
            if not roles.isdisjoint(component.roles) and component.source in (None, source):
                yield Rule(
                    assignment, plan, component, _key(assignment, plan, component, booked_on, rules)
                )


def _key(
    assignment: Assignment,
    plan: CompiledPlan,
    component: CompiledComponent,
    booked_on: date,
    rules: Definitions,
) -> PayKey:
    period = period_of(booked_on, component.period, rules.calendar.fiscal_year_start)
    return PayKey(
        assignment.person_id,
        assignment.assignment_id,
        assignment.plan_id,
        component.id,
        period,
        plan.currency,
    )


def eligible(component: CompiledComponent, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines that a component pays for."""
    if component.products is None:
        return lines
    return tuple(line for line in lines if line.product in component.products)


def measured(component: CompiledComponent, lines: tuple[Line, ...], refunded: int) -> Measured:
    """Measure a deal. A line without cost has no margin; the floor holds per deal."""
    all_revenue = revenue = margin = uncosted = assumed = 0
    for line in lines:
        amount = kept(line.revenue_minor, refunded)
        all_revenue += amount
        if line.cost_minor is None:
            uncosted += 1
            continue
        revenue += amount
        margin += amount - kept(line.cost_minor, refunded)
        assumed += line.assumed
    base = margin if component.on_margin else all_revenue
    floored = max(0, base) if component.floors else base
    return Measured(floored, revenue, margin, uncosted, assumed, len(lines))


def weights_of(booking: Booking) -> dict[UUID, int]:
    """Return the owners' weights; equal ones where none is given."""
    weights: dict[UUID, int] = {}
    owners = [credit for credit in booking.credits if credit.role == OWNER]
    equal = not any(credit.weight for credit in owners)
    for credit in owners:
        weight = 1 if equal else credit.weight or 0
        weights[credit.person_id] = weights.get(credit.person_id, 0) + weight
    return weights


def credited(amount_minor: int, booking: Booking, person_id: UUID, roles: frozenset[str]) -> int:
    """Return a person's part of a deal's amount in the roles that a component pays."""
    if amount_minor == 0:
        return 0
    if len(booking.credits) == 1 and booking.credits[0].role == OWNER:
        return amount_minor if OWNER in roles else 0
    total = 0
    if OWNER in roles:
        total += divided(amount_minor, weights_of(booking)).get(person_id, 0)
    for credit in booking.credits:
        if credit.person_id == person_id and credit.role != OWNER and credit.role in roles:
            weight = SCALE if credit.weight is None else credit.weight
            total += portion(amount_minor, weight, SCALE)
    return total


def credited_vector(rule: Rule, booking: Booking, refunded: int) -> tuple[PayVector, Measured]:
    """Return what a rule credits its person with, and what the whole deal measures."""
    lines = eligible(rule.component, booking.lines)
    whole = measured(rule.component, lines, refunded)
    person_id, roles = rule.key.payee_id, rule.component.roles
    paying = rule.component.products is None or whole.eligible_lines > 0
    vector = PayVector(
        credited(whole.base_minor, booking, person_id, roles),
        credited(whole.revenue_minor, booking, person_id, roles),
        credited(whole.margin_minor, booking, person_id, roles),
        int(paying and refunded < SCALE),
    )
    return vector, whole


def add_pay(
    totals: dict[Key, Vector],
    booking: Booking,
    booked_on: date,
    source: str,
    refunded: int,
    rules: Definitions,
) -> None:
    """Credit everybody who is credited with the deal, under every rule in force."""
    for person_id in {credit.person_id for credit in booking.credits}:
        roles = roles_of(booking, person_id)
        for rule in rules_for(person_id, roles, source, booked_on, rules):
            if rule.plan.currency == booking.currency:
                vector, _whole = credited_vector(rule, booking, refunded)
                add_to(totals, rule.key, vector)
