"""Which numbers a change of rules moves: what the fold must derive again, and what it may leave."""

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from metrics_service.projections.definitions import Assignment, Definitions
from metrics_service.projections.keys import LedgerKey
from onefunnel.events import plans


class CreditRange(NamedTuple):
    """Won deals with a credit of the person, booked between two local dates, both inclusive."""

    person_id: UUID
    first: date
    last: date


class PayScope(NamedTuple):
    """Pay keys whose owed amount may change though their vectors do not; None means any."""

    person_id: UUID | None
    component: str | None = None
    period: str | None = None


class Affected(NamedTuple):
    """What to derive again. Empty where a change only decides about the future (a close)."""

    everything: bool = False  # every journey, deal and asset of the tenant
    credits: tuple[CreditRange, ...] = ()
    pay: tuple[PayScope, ...] = ()
    ledger: tuple[LedgerKey, ...] = ()  # keys without a pay key: adjustments


_Rule = Callable[[Definitions, Definitions, Any], Affected]


def affected(before: Definitions, after: Definitions, type_: str, event: object) -> Affected:
    """Say what one reference event moves, given the snapshots before and after it."""
    rule = _RULES.get(type_)
    if rule is None or before is after:
        return Affected()
    return rule(before, after, event)


def _tenant(before: Definitions, after: Definitions, _event: object) -> Affected:
    old, new = before.calendar, after.calendar
    same_days = old.time_zone == new.time_zone
    if same_days and old.fiscal_year_start == new.fiscal_year_start:
        return Affected()
    keys = sorted({*before.adjusted, *after.adjusted})
    return Affected(everything=True, pay=(PayScope(None),), ledger=tuple(keys))


def _funnel(before: Definitions, after: Definitions, _event: object) -> Affected:
    old = {name: funnel.definition for name, funnel in before.funnels.items()}
    new = {name: funnel.definition for name, funnel in after.funnels.items()}
    return Affected(everything=old != new)


def _plan(before: Definitions, after: Definitions, event: plans.PlanActivated) -> Affected:
    old, new = before.plan_versions(event.plan_id), after.plan_versions(event.plan_id)
    if old and old[-1] == new[-1]:
        return Affected()
    return _of_assignments(after.assigned_to(event.plan_id))


def _assignment(before: Definitions, after: Definitions, event: plans.PlanAssigned) -> Affected:
    both = (before.assignment(event.assignment_id), after.assignment(event.assignment_id))
    return _of_assignments(tuple(a for a in both if a is not None))


def _of_assignments(assignments: tuple[Assignment, ...]) -> Affected:
    ranges = sorted({CreditRange(a.person_id, a.from_, a.to) for a in assignments})
    people = sorted({a.person_id for a in assignments})
    return Affected(credits=tuple(ranges), pay=tuple(PayScope(person) for person in people))


def _quota(before: Definitions, after: Definitions, event: plans.QuotaSet) -> Affected:
    old, new = before.quota_by_id(event.quota_id), after.quota_by_id(event.quota_id)
    scopes = {PayScope(q.person_id, q.component, q.period) for q in (old, new) if q is not None}
    return Affected(pay=tuple(sorted(scopes, key=repr)))


def _adjustment(
    _before: Definitions, after: Definitions, event: plans.AdjustmentPosted
) -> Affected:
    adjustment = after.adjustments[event.adjustment_id]
    return Affected(ledger=(after.adjustment_key(adjustment),))


_RULES: dict[str, _Rule] = {
    "onefunnel.tenant.changed.v1": _tenant,
    "onefunnel.funnel.activated.v1": _funnel,
    "onefunnel.plan.activated.v1": _plan,
    "onefunnel.plan.assigned.v1": _assignment,
    "onefunnel.quota.set.v1": _quota,
    "onefunnel.adjustment.posted.v1": _adjustment,
}
