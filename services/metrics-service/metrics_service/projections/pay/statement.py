"""A person's earned amounts in a period, component by component, every line explained."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from metrics_service.projections.calendar import granularity_of, period_bounds
from metrics_service.projections.definitions import Assignment, Definitions
from metrics_service.projections.facts_deal import SCALE, DealFacts
from metrics_service.projections.keys import PayKey, PayVector
from metrics_service.projections.pay.credit import (
    Measured,
    Rule,
    credited_vector,
    roles_of,
    rules_for,
)
from metrics_service.projections.pay.lines import (
    COST_UNKNOWN,
    LOSS_FLOORED,
    OTHER_CURRENCY,
    REFUNDED,
    CreditedDeal,
    Line,
    lines,
    summed,
)
from metrics_service.projections.pay.owed import owed_under
from metrics_service.projections.pay.plan import CompiledComponent, CompiledPlan
from metrics_service.projections.pay.quota import quota_share
from metrics_service.projections.pay.rates import QuotaShare, attainment, average_margin
from metrics_service.projections.sales import refunded_share
from metrics_service.projections.walk_deal import booked


class ComponentStatement(NamedTuple):
    """What one component of one assignment earned in a period, and why."""

    key: PayKey
    plan: CompiledPlan
    component: CompiledComponent
    vector: PayVector
    quota: QuotaShare | None  # prorated to the assignment, exact
    attainment: Fraction | None
    average_margin: Fraction | None
    lines: tuple[Line, ...]
    total_minor: int


def statement(
    person_id: UUID,
    period: str,
    deals: Iterable[tuple[UUID, DealFacts]],
    definitions: Definitions,
) -> tuple[ComponentStatement, ...]:
    """Return every component that a person has in a period, with or without a deal in it.

    `deals` are the person's credited deals of at least that period; others are left out here.
    """
    credited: dict[PayKey, list[CreditedDeal]] = {}
    for deal_id, facts in deals:
        for rule, deal in credited_deals(deal_id, facts, person_id, definitions):
            if rule.key.earned_period == period:
                credited.setdefault(rule.key, []).append(deal)
    return tuple(
        _of_key(key, plan, component, credited.get(key, []), definitions)
        for key, plan, component in _components_of(person_id, period, definitions)
    )


def credited_deals(
    deal_id: UUID, facts: DealFacts, person_id: UUID, definitions: Definitions
) -> Iterable[tuple[Rule, CreditedDeal]]:
    """Yield how a deal counts for a person, rule by rule; nothing for a deal that is not won."""
    booking = booked(facts)
    if booking is None:
        return
    booked_on, refunded = definitions.days.day(booking.at), refunded_share(facts)
    source = facts.source or (facts.origin.source if facts.origin else "")
    roles = roles_of(booking, person_id)
    for rule in rules_for(person_id, roles, source, booked_on, definitions):
        vector, whole = credited_vector(rule, booking, refunded)
        foreign = rule.plan.currency != booking.currency
        reason = OTHER_CURRENCY if foreign else _reason(rule.component, whole, refunded)
        yield (
            rule,
            CreditedDeal(
                deal_id=deal_id,
                booked_on=booked_on,
                deal_version=booking.version,
                roles=tuple(sorted(roles & rule.component.roles)),
                deal_base_minor=whole.base_minor,
                vector=PayVector() if foreign else vector,
                refunded=Fraction(refunded, SCALE),
                uncosted_lines=whole.uncosted_lines,
                assumed_lines=whole.assumed_lines,
                reason=reason,
            ),
        )


def _reason(component: CompiledComponent, whole: Measured, refunded: int) -> str | None:
    if component.on_margin and whole.uncosted_lines:
        return COST_UNKNOWN
    if component.floors and whole.margin_minor < 0:
        return LOSS_FLOORED
    return REFUNDED if refunded else None


def _components_of(
    person_id: UUID, period: str, definitions: Definitions
) -> Iterable[tuple[PayKey, CompiledPlan, CompiledComponent]]:
    granularity = granularity_of(period)
    for assignment in definitions.assignments.get(person_id, ()):
        plan = definitions.plans.get(assignment.plan_id)
        if plan is None or not _overlaps(assignment, period, definitions):
            continue
        for component in plan.components:
            if component.period == granularity:
                key = PayKey(
                    person_id,
                    assignment.assignment_id,
                    assignment.plan_id,
                    component.id,
                    period,
                    plan.currency,
                )
                yield key, plan, component


def _overlaps(assignment: Assignment, period: str, definitions: Definitions) -> bool:
    first, last = period_bounds(period, definitions.calendar.fiscal_year_start)
    return assignment.from_ <= last and assignment.to >= first


def _of_key(
    key: PayKey,
    plan: CompiledPlan,
    component: CompiledComponent,
    deals: list[CreditedDeal],
    definitions: Definitions,
) -> ComponentStatement:
    quota = quota_share(key, component, definitions)
    vector = summed(deals)
    return ComponentStatement(
        key=key,
        plan=plan,
        component=component,
        vector=vector,
        quota=quota,
        attainment=attainment(vector, quota),
        average_margin=average_margin(vector),
        lines=lines(component, deals, quota, plan.rounding),
        total_minor=owed_under(key, vector, definitions),
    )
