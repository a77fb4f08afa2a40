"""Attainment: what was credited over the quota, exactly; of a person's quotas and of pay components."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final
from uuid import UUID

from metrics_service.application.metric import Basis, Window, exact_ratio, exact_text, rate
from metrics_service.application.queries.answer import head
from metrics_service.application.queries.attainment_answer import (
    Attained,
    AttainmentAnswer,
    TeamAttainment,
)
from metrics_service.application.queries.cut import explain
from metrics_service.application.queries.groups import FIXED_GROUPS, large
from metrics_service.application.queries.org import Org, OrgLabel
from metrics_service.application.queries.pay_rows import PayRows
from metrics_service.application.queries.refs import refs
from metrics_service.application.queries.scope import Scope, not_fixed
from metrics_service.application.queries.situation import Situation
from metrics_service.application.words import decimal_text
from metrics_service.projections.calendar import period_bounds
from metrics_service.projections.definitions import Assignment, Definitions, Quota
from metrics_service.projections.facts import DealFacts
from metrics_service.projections.facts_deal import Line
from metrics_service.projections.keys import PayKey, PayVector
from metrics_service.projections.pay.credit import OWNER, credited, roles_of
from metrics_service.projections.pay.quota import quota_share
from metrics_service.projections.sales import kept, refunded_share
from metrics_service.projections.walk_deal import booked

RULES: Final = "attainment v1"
_OWNERS: Final = frozenset({OWNER})


@dataclass(frozen=True, slots=True)
class AttainmentQuestion:
    """Of which period, of whom, and by which part of the org chart together."""

    period: str
    person: UUID | None = None
    group_by: OrgLabel | None = None


@dataclass(frozen=True, slots=True)
class _Credited:
    """Something credited against a quota."""

    quota: Quota
    amount: int
    prorated: Fraction
    eligible_days: int
    deals: int
    key: PayKey | None = None


async def quota_attainment(
    question: AttainmentQuestion, *, situation: Situation, org: Org, rows: PayRows, scope: Scope
) -> AttainmentAnswer:
    """Answer for every quota of the period: a person's own over all their deals, a component's in pay."""
    _check(question, scope)
    rules = situation.definitions
    quotas = [
        q
        for (person, _subject, period), q in rules.quotas.items()
        if period == question.period and q.component is None and question.person in (None, person)
    ]
    first, last = _bounds(question.period, rules)
    deals: dict[UUID, list[DealFacts]] = {}
    people = sorted({q.person_id for q in quotas})
    for person, _deal, facts in await rows.credited_to(people, first, last):
        deals.setdefault(person, []).append(facts)
    found = [_of_person(q, deals.get(q.person_id, ()), first, last, rules) for q in quotas]
    found += [one for one in await _in_pay(question, rules, rows) if one.quota.component]
    return _answer(question, _seen(found, question, scope), situation, org, scope)


async def pay_attainment(
    question: AttainmentQuestion, *, situation: Situation, org: Org, rows: PayRows, scope: Scope
) -> AttainmentAnswer:
    """Answer for the components of pay plans that have a quota, inside each assignment."""
    _check(question, scope)
    found = await _in_pay(question, situation.definitions, rows)
    return _answer(question, _seen(found, question, scope), situation, org, scope)


def _check(question: AttainmentQuestion, scope: Scope) -> None:
    """Refuse a person or a way to group that is not there for this caller."""
    if question.person is not None:
        scope.check_period(question.person, question.period)
    if scope.rights.grouped and question.group_by not in {None, FIXED_GROUPS}:
        raise not_fixed()


def _seen(
    found: Sequence[_Credited], question: AttainmentQuestion, scope: Scope
) -> Sequence[_Credited]:
    seen = [one for one in found if scope.shows_period(one.quota.person_id, question.period)]
    # Not in the order in which the quotas were folded: a rebuild may have another.
    return sorted(
        seen, key=lambda one: (one.quota.person_id, one.quota.measure, one.quota.component or "")
    )


async def _in_pay(
    question: AttainmentQuestion, rules: Definitions, rows: PayRows
) -> list[_Credited]:
    totals = dict(await rows.totals(question.person, question.period))
    return [
        one
        for key in _keys(question, rules, totals)
        if (one := _of_key(key, totals.get(key, PayVector()), rules)) is not None
    ]


def _bounds(period: str, rules: Definitions) -> tuple[date, date]:
    return period_bounds(period, rules.calendar.fiscal_year_start)


def _of_person(
    quota: Quota, deals: Iterable[DealFacts], first: date, last: date, rules: Definitions
) -> _Credited:
    days = _eligible(rules.assignments.get(quota.person_id, ()), first, last)
    whole = quota.count if quota.count is not None else quota.amount_minor or 0
    amounts = [
        amount
        for facts in deals
        if (amount := credited_amount(facts, quota, rules.calendar.currency)) is not None
    ]
    share = Fraction(days, (last - first).days + 1)
    return _Credited(quota, sum(amounts), whole * share, days, len(amounts))


def credited_amount(facts: DealFacts, quota: Quota, currency: str) -> int | None:
    """Return a person's part of a deal under a quota; None where it does not count."""
    booking = booked(facts)
    if booking is None or OWNER not in roles_of(booking, quota.person_id):
        return None
    refunded = refunded_share(facts)
    if quota.count is not None:
        return 1
    if booking.currency != (quota.currency or currency):
        return None
    whole = sum(_measure(line, quota.measure, refunded) for line in booking.lines)
    return credited(whole, booking, quota.person_id, _OWNERS)


def _measure(line: Line, measure: str, refunded: int) -> int:
    """Return what is left of a line after refunds; without cost it has no margin."""
    revenue = kept(line.revenue_minor, refunded)
    if measure == "revenue":
        return revenue
    return 0 if line.cost_minor is None else revenue - kept(line.cost_minor, refunded)


def _eligible(assignments: Sequence[Assignment], first: date, last: date) -> int:
    """Return the days of a period on which a person had a plan; all of them for one without any plan."""
    spans = [
        (max(a.from_, first), min(a.to, last))
        for a in assignments
        if a.from_ <= last and a.to >= first
    ]
    if not spans:
        return (last - first).days + 1
    return sum((end - start).days + 1 for start, end in spans)


def _keys(
    question: AttainmentQuestion, rules: Definitions, totals: Mapping[PayKey, PayVector]
) -> list[PayKey]:
    """Return every pay key of the period: those with credit, and those that could have had it."""
    first, last = _bounds(question.period, rules)
    found = set(totals)
    for person, assignments in rules.assignments.items():
        if question.person not in (None, person):
            continue
        for assignment in assignments:
            plan = rules.plans.get(assignment.plan_id)
            if plan is None or assignment.from_ > last or assignment.to < first:
                continue
            found |= {
                PayKey(
                    person,
                    assignment.assignment_id,
                    assignment.plan_id,
                    component.id,
                    question.period,
                    plan.currency,
                )
                for component in plan.components
                if _granular(component.period, question.period)
            }
    return sorted(found)


def _granular(granularity: str, period: str) -> bool:
    return {4: "year", 7: "quarter" if "Q" in period else "month"}[len(period)] == granularity


def _of_key(key: PayKey, vector: PayVector, rules: Definitions) -> _Credited | None:
    plan = rules.plans.get(key.plan_id)
    component = plan.component_of.get(key.component) if plan else None
    assignment = rules.assignment(key.assignment_id)
    if component is None or assignment is None:
        return None
    quota = rules.quota(key.payee_id, key.component, component.measure, key.earned_period)
    prorated = quota_share(key, component, rules)
    if quota is None or prorated is None:
        return None
    first, last = _bounds(key.earned_period, rules)
    amount = vector.deals if prorated.counts else vector.base_minor
    days = (min(assignment.to, last) - max(assignment.from_, first)).days + 1
    return _Credited(quota, amount, prorated.amount, days, vector.deals, key)


def _answer(
    question: AttainmentQuestion,
    found: Sequence[_Credited],
    situation: Situation,
    org: Org,
    scope: Scope,
) -> AttainmentAnswer:
    rules = situation.definitions
    first, last = _bounds(question.period, rules)
    basis = Basis("exact", RULES, Window(first, last + timedelta(days=1)))
    items = [_item(one, basis, rules) for one in found if one.prorated]
    labels = {
        str(i.person): org.label(str(i.person), question.group_by, min(last, situation.today))
        if question.group_by
        else ""
        for i in items
    }
    grouped: dict[tuple[str, str, str], list[Attained]] = {}
    for item in items:
        key = labels[str(item.person)], item.measure, item.currency or ""
        grouped.setdefault(key, []).append(item)
    keys = _shown(grouped) if scope.rights.grouped else sorted(grouped)
    shown = [] if scope.rights.grouped else items
    return AttainmentAnswer(
        period=question.period,
        group_by=question.group_by,
        items=shown,
        groups=[_team(key[0] if question.group_by else None, grouped[key], basis) for key in keys],
        refs=refs(
            person=[
                *(str(i.person) for i in shown),
                *(labels.values() if question.group_by == "manager" else ()),
            ]
        ),
        **head(situation, {"attainment": RULES}),
    )


def _shown(
    grouped: Mapping[tuple[str, str, str], Sequence[Attained]],
) -> list[tuple[str, str, str]]:
    """Return the keys of the groups that are large enough: a measure and a currency have a whole of their own."""
    wholes: dict[tuple[str, str], dict[str, set[str]]] = {}
    for (label, measure, currency), items in grouped.items():
        wholes.setdefault((measure, currency), {})[label] = {str(i.person) for i in items}
    kept = {whole: large(labels) for whole, labels in wholes.items()}
    return [key for key in sorted(grouped) if key[0] in kept[key[1:]]]


def _item(one: _Credited, basis: Basis, rules: Definitions) -> Attained:
    quota, key = one.quota, one.key
    plan = rules.plans.get(key.plan_id) if key else None
    whole = quota.count if quota.count is not None else quota.amount_minor or 0
    currency = None if quota.count is not None else quota.currency or rules.calendar.currency
    parameters = {"person": str(quota.person_id), "measure": quota.measure}
    if key:
        parameters["component"] = key.component
    ratio = Fraction(one.amount) / one.prorated
    return Attained(
        person=quota.person_id,
        measure=quota.measure,
        component=key.component if key else None,
        plan=key.plan_id if key else None,
        plan_version=plan.version if plan else None,
        assignment=key.assignment_id if key else None,
        currency=key.currency if key and currency else currency,
        credited=one.amount,
        quota=whole,
        prorated=decimal_text(one.prorated),
        eligible_days=one.eligible_days,
        period_days=(basis.window.to - basis.window.from_).days,
        attainment=exact_ratio(
            one.amount,
            one.prorated,
            basis,
            n=one.deals,
            explain=explain("quota.credited", basis.window, parameters),
        ),
        attained=ratio >= 1,
    )


def _team(key: str | None, items: Sequence[Attained], basis: Basis) -> TeamAttainment:
    full = [i for i in items if i.eligible_days == i.period_days]
    credited_ = sum(i.credited for i in items)
    prorated = sum((Fraction(i.prorated) for i in items), Fraction(0))
    ratios = sorted(Fraction(i.credited) / Fraction(i.prorated) for i in full)
    return TeamAttainment(
        key=key,
        measure=items[0].measure,
        currency=items[0].currency,
        credited=credited_,
        prorated=decimal_text(prorated),
        attainment=exact_ratio(credited_, prorated, basis, n=len(items)),
        at_quota=rate(sum(i.attained for i in full), len(full), basis),
        p25=_rank(ratios, 1),
        p50=_rank(ratios, 2),
        p75=_rank(ratios, 3),
        part_of_the_period=len(items) - len(full),
    )


def _rank(ratios: Sequence[Fraction], quarter: int) -> str | None:
    """Return the quartile by nearest rank."""
    if not ratios:
        return None
    return exact_text(ratios[-(-len(ratios) * quarter // 4) - 1])
