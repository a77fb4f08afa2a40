"""What is known of a tenant's rules, entry by entry, and how an event changes it."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfoNotFoundError

import msgspec
from msgspec import Struct, field

from metrics_service.projections.calendar import Micros, local_days, micros
from metrics_service.projections.funnel_steps import FunnelVersion, funnel_version
from metrics_service.projections.pay.plan import PlanVersion, plan_version
from onefunnel.events import directory, plans

FOREVER = date.max


class TenantCalendar(Struct, array_like=True, frozen=True):
    """The tenant's zone, currency and first month of the year."""

    sequence: int = 0
    time_zone: str = "UTC"
    currency: str = ""
    fiscal_year_start: int = 1


class Funnel(Struct, array_like=True, frozen=True):
    """A funnel's versions, oldest first."""

    sequence: int
    versions: tuple[FunnelVersion, ...]


class Plan(Struct, array_like=True, frozen=True):
    """A plan's versions, oldest first."""

    sequence: int
    versions: tuple[PlanVersion, ...]


class Assignment(Struct, array_like=True, frozen=True):
    """A person is paid by a plan from a day to a day, both inclusive."""

    sequence: int
    assignment_id: UUID
    person_id: UUID
    plan_id: UUID
    from_: date
    to: date


class Quota(Struct, array_like=True, frozen=True):
    """A person's quota for a period; `component` None holds for every component of the measure."""

    sequence: int
    event_id: UUID
    person_id: UUID
    measure: str
    component: str | None
    period: str
    currency: str | None
    amount_minor: int | None
    count: int | None


class ClosedPeriod(Struct, array_like=True, frozen=True):
    """A period that takes no postings any more."""

    sequence: int
    period: str


class Adjustment(Struct, array_like=True, frozen=True):
    """An amount that somebody decided."""

    sequence: int
    person_id: UUID
    at: Micros
    amount_minor: int
    currency: str
    reason: str


class State(Struct, array_like=True, frozen=True):
    """Every entry by the id of its aggregate."""

    calendar: TenantCalendar = TenantCalendar()
    funnels: dict[UUID, Funnel] = field(default_factory=dict)
    plans: dict[UUID, Plan] = field(default_factory=dict)
    assignments: dict[UUID, Assignment] = field(default_factory=dict)
    quotas: dict[UUID, Quota] = field(default_factory=dict)
    closed: dict[UUID, ClosedPeriod] = field(default_factory=dict)
    adjustments: dict[UUID, Adjustment] = field(default_factory=dict)


_Handler = Callable[[State, Any, UUID, int], State]


def _tenant(state: State, event: directory.TenantChanged, _event_id: UUID, sequence: int) -> State:
    if sequence <= state.calendar.sequence:
        return state
    try:
        local_days(event.time_zone)
    except ZoneInfoNotFoundError as error:  # fails here, once, and not in every lead and deal
        raise ValueError("there is no such time zone") from error
    if not 1 <= event.fiscal_year_start <= 12:
        raise ValueError("a fiscal year starts in one of twelve months")
    calendar = TenantCalendar(sequence, event.time_zone, event.currency, event.fiscal_year_start)
    return msgspec.structs.replace(state, calendar=calendar)


def _funnel(
    state: State, event: directory.FunnelActivated, _event_id: UUID, sequence: int
) -> State:
    known = state.funnels.get(event.funnel_id, Funnel(0, ()))
    if any(version.version == event.version for version in known.versions):
        return state
    versions = (*known.versions, funnel_version(event))
    ordered = tuple(sorted(versions, key=lambda version: version.version))
    funnel = Funnel(max(sequence, known.sequence), ordered)
    return msgspec.structs.replace(state, funnels={**state.funnels, event.funnel_id: funnel})


def _plan(state: State, event: plans.PlanActivated, _event_id: UUID, sequence: int) -> State:
    known = state.plans.get(event.plan_id, Plan(0, ()))
    if any(version.version == event.plan.version for version in known.versions):
        return state
    versions = (*known.versions, plan_version(event, sequence))
    ordered = tuple(sorted(versions, key=lambda version: version.version))
    plan = Plan(max(sequence, known.sequence), ordered)
    return msgspec.structs.replace(state, plans={**state.plans, event.plan_id: plan})


def _assignment(state: State, event: plans.PlanAssigned, _event_id: UUID, sequence: int) -> State:
    id_ = event.assignment_id
    assignment = Assignment(
        sequence, id_, event.person_id, event.plan_id, event.from_, event.to or FOREVER
    )
    return _newest(state, "assignments", id_, assignment)


def _quota(state: State, event: plans.QuotaSet, event_id: UUID, sequence: int) -> State:
    quota = Quota(
        sequence,
        event_id,
        event.person_id,
        event.measure,
        event.component,
        event.period,
        event.currency,
        event.amount_minor,
        event.count,
    )
    return _newest(state, "quotas", event.quota_id, quota)


def _closed(state: State, event: plans.PeriodClosed, _event_id: UUID, sequence: int) -> State:
    return _newest(state, "closed", event.period_id, ClosedPeriod(sequence, event.period))


def _adjusted(state: State, event: plans.AdjustmentPosted, _event_id: UUID, sequence: int) -> State:
    adjustment = Adjustment(
        sequence,
        event.person_id,
        micros(event.at),
        event.amount_minor,
        event.currency,
        event.reason,
    )
    return _newest(state, "adjustments", event.adjustment_id, adjustment)


def _newest(state: State, name: str, id_: UUID, entry: Any) -> State:
    entries: dict[UUID, Any] = getattr(state, name)
    known = entries.get(id_)
    if known is not None and known.sequence >= entry.sequence:
        return state
    return msgspec.structs.replace(state, **{name: {**entries, id_: entry}})


# What each type of event makes of a state: another one, or the same where nothing changes.
TAKE: dict[str, _Handler] = {
    "onefunnel.tenant.changed.v1": _tenant,
    "onefunnel.funnel.activated.v1": _funnel,
    "onefunnel.plan.activated.v1": _plan,
    "onefunnel.plan.assigned.v1": _assignment,
    "onefunnel.quota.set.v1": _quota,
    "onefunnel.period.closed.v1": _closed,
    "onefunnel.adjustment.posted.v1": _adjusted,
}
REFERENCE_TYPES = frozenset(TAKE)
