"""What a tenant's numbers are computed with: calendar, funnels, plans, assignments, quotas, closes.

`Definitions` is an immutable snapshot. Every entry knows its aggregate's sequence, so that events of
different aggregates may arrive in any order and the same one twice.
"""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field

from metrics_service.projections.calendar import (
    Granularity,
    LocalDays,
    Micros,
    local_days,
    micros,
    period_of,
)
from metrics_service.projections.funnel_steps import (
    CompiledFunnel,
    FunnelVersion,
    compiled_funnel,
    funnel_version,
)
from metrics_service.projections.keys import ADJUSTMENTS, LedgerKey
from metrics_service.projections.pay.plan import (
    CompiledPlan,
    PlanVersion,
    compiled_plan,
    plan_version,
)
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
    at: int
    amount_minor: int
    currency: str
    reason: str


class _State(Struct, array_like=True, frozen=True):
    calendar: TenantCalendar = TenantCalendar()
    funnels: dict[UUID, Funnel] = field(default_factory=dict)
    plans: dict[UUID, Plan] = field(default_factory=dict)
    assignments: dict[UUID, Assignment] = field(default_factory=dict)
    quotas: dict[UUID, Quota] = field(default_factory=dict)
    closed: dict[UUID, ClosedPeriod] = field(default_factory=dict)
    adjustments: dict[UUID, Adjustment] = field(default_factory=dict)


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(_State).decode


class Definitions:
    """One tenant's rules, as an immutable snapshot with what is compiled from them."""

    def __init__(self, state: _State) -> None:
        self._state = state

    @classmethod
    def empty(cls) -> "Definitions":
        """Return the rules of a tenant that nothing is known of: UTC, no funnel, no plan."""
        return cls(_State())

    @classmethod
    def load(cls, data: bytes) -> "Definitions":
        """Return a snapshot from its bytes. Raises `msgspec.ValidationError` on other bytes."""
        return cls(_decode(data))

    def dump(self) -> bytes:
        """Return the bytes of the snapshot: equal sets of events give equal bytes."""
        return _encode(tuple(_sorted(part) for part in msgspec.structs.astuple(self._state)))

    def apply(self, type_: str, event: object, *, event_id: UUID, sequence: int) -> "Definitions":
        """Return the snapshot with one event taken in; itself where the event changes nothing."""
        handler = _HANDLERS.get(type_)
        state = handler(self._state, event, event_id, sequence) if handler else self._state
        return self if state is self._state else Definitions(state)

    # What contributions ask.

    @property
    def calendar(self) -> TenantCalendar:
        """The tenant's calendar."""
        return self._state.calendar

    @cached_property
    def days(self) -> LocalDays:
        """Local dates in the tenant's zone."""
        return local_days(self._state.calendar.time_zone)

    @cached_property
    def funnels(self) -> dict[str, CompiledFunnel]:
        """The version in force of each funnel, by name: the highest one."""
        newest: dict[str, FunnelVersion] = {}
        for _id, funnel in sorted(self._state.funnels.items()):
            for version in funnel.versions:
                known = newest.get(version.funnel)
                if known is None or version.version >= known.version:
                    newest[version.funnel] = version
        return {name: compiled_funnel(version) for name, version in newest.items()}

    @cached_property
    def plans(self) -> dict[UUID, CompiledPlan]:
        """The version in force of each plan: the highest one."""
        return {id_: compiled_plan(plan.versions[-1]) for id_, plan in self._state.plans.items()}

    @cached_property
    def assignments(self) -> dict[UUID, tuple[Assignment, ...]]:
        """The assignments of each person, in the order of their first day."""
        found: dict[UUID, list[Assignment]] = {}
        for assignment in self._state.assignments.values():
            found.setdefault(assignment.person_id, []).append(assignment)
        return {
            person: tuple(sorted(given, key=lambda a: (a.from_, a.assignment_id.int)))
            for person, given in found.items()
        }

    def assignment(self, assignment_id: UUID) -> Assignment | None:
        """Return an assignment by its id."""
        return self._state.assignments.get(assignment_id)

    @cached_property
    def quotas(self) -> dict[tuple[UUID, str, str], Quota]:
        """The newest quota by (person, "component:<id>" or "measure:<name>", period)."""
        newest: dict[tuple[UUID, str, str], Quota] = {}
        for quota in self._state.quotas.values():
            key = (quota.person_id, _subject(quota), quota.period)
            known = newest.get(key)
            if known is None or quota.event_id.int > known.event_id.int:
                newest[key] = quota
        return newest

    def quota(self, person_id: UUID, component: str, measure: str, period: str) -> Quota | None:
        """Return the quota that holds for a component: its own, else the one of its measure."""
        own = self.quotas.get((person_id, f"component:{component}", period))
        return own or self.quotas.get((person_id, f"measure:{measure}", period))

    def quota_by_id(self, quota_id: UUID) -> Quota | None:
        """Return a quota by its id."""
        return self._state.quotas.get(quota_id)

    @cached_property
    def closed(self) -> frozenset[str]:
        """The periods that take no postings any more."""
        return frozenset(closed.period for closed in self._state.closed.values())

    @cached_property
    def adjusted(self) -> dict[LedgerKey, int]:
        """The sum of adjustments by person and month."""
        sums: dict[LedgerKey, int] = {}
        for adjustment in self._state.adjustments.values():
            key = self.adjustment_key(adjustment)
            sums[key] = sums.get(key, 0) + adjustment.amount_minor
        return sums

    def adjustment_key(self, adjustment: Adjustment) -> LedgerKey:
        """Return the ledger key of an adjustment: the month of its local date."""
        month = period_of(self.days.day(adjustment.at), "month")
        return LedgerKey(adjustment.person_id, ADJUSTMENTS, month, adjustment.currency)

    @property
    def adjustments(self) -> dict[UUID, Adjustment]:
        """Every adjustment, by id."""
        return self._state.adjustments

    def plan_versions(self, plan_id: UUID) -> tuple[PlanVersion, ...]:
        """Return all versions of a plan, oldest first."""
        plan = self._state.plans.get(plan_id)
        return plan.versions if plan else ()

    def assigned_to(self, plan_id: UUID) -> tuple[Assignment, ...]:
        """Return the assignments to a plan."""
        return tuple(a for a in self._state.assignments.values() if a.plan_id == plan_id)

    def period_of(self, us: Micros, granularity: Granularity) -> str:
        """Return the tenant's period of an instant."""
        return period_of(self.days.day(us), granularity, self._state.calendar.fiscal_year_start)


def _sorted(part: object) -> object:
    return dict(sorted(part.items())) if isinstance(part, dict) else part


def _subject(quota: Quota) -> str:
    if quota.component is not None:
        return f"component:{quota.component}"
    return f"measure:{quota.measure}"


_Handler = Callable[[_State, Any, UUID, int], _State]


def _tenant(
    state: _State, event: directory.TenantChanged, _event_id: UUID, sequence: int
) -> _State:
    if sequence <= state.calendar.sequence:
        return state
    calendar = TenantCalendar(sequence, event.time_zone, event.currency, event.fiscal_year_start)
    return msgspec.structs.replace(state, calendar=calendar)


def _funnel(
    state: _State, event: directory.FunnelActivated, _event_id: UUID, sequence: int
) -> _State:
    known = state.funnels.get(event.funnel_id, Funnel(0, ()))
    if any(version.version == event.version for version in known.versions):
        return state
    versions = (*known.versions, funnel_version(event))
    ordered = tuple(sorted(versions, key=lambda version: version.version))
    funnel = Funnel(max(sequence, known.sequence), ordered)
    return msgspec.structs.replace(state, funnels={**state.funnels, event.funnel_id: funnel})


def _plan(state: _State, event: plans.PlanActivated, _event_id: UUID, sequence: int) -> _State:
    known = state.plans.get(event.plan_id, Plan(0, ()))
    if any(version.version == event.plan.version for version in known.versions):
        return state
    versions = (*known.versions, plan_version(event, sequence))
    ordered = tuple(sorted(versions, key=lambda version: version.version))
    plan = Plan(max(sequence, known.sequence), ordered)
    return msgspec.structs.replace(state, plans={**state.plans, event.plan_id: plan})


def _assignment(state: _State, event: plans.PlanAssigned, _event_id: UUID, sequence: int) -> _State:
    id_ = event.assignment_id
    assignment = Assignment(
        sequence, id_, event.person_id, event.plan_id, event.from_, event.to or FOREVER
    )
    return _newest(state, "assignments", id_, assignment)


def _quota(state: _State, event: plans.QuotaSet, event_id: UUID, sequence: int) -> _State:
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


def _closed(state: _State, event: plans.PeriodClosed, _event_id: UUID, sequence: int) -> _State:
    return _newest(state, "closed", event.period_id, ClosedPeriod(sequence, event.period))


def _adjusted(
    state: _State, event: plans.AdjustmentPosted, _event_id: UUID, sequence: int
) -> _State:
    adjustment = Adjustment(
        sequence,
        event.person_id,
        micros(event.at),
        event.amount_minor,
        event.currency,
        event.reason,
    )
    return _newest(state, "adjustments", event.adjustment_id, adjustment)


def _newest(state: _State, name: str, id_: UUID, entry: Any) -> _State:
    entries: dict[UUID, Any] = getattr(state, name)
    known = entries.get(id_)
    if known is not None and known.sequence >= entry.sequence:
        return state
    return msgspec.structs.replace(state, **{name: {**entries, id_: entry}})


_HANDLERS: dict[str, _Handler] = {
    "onefunnel.tenant.changed.v1": _tenant,
    "onefunnel.funnel.activated.v1": _funnel,
    "onefunnel.plan.activated.v1": _plan,
    "onefunnel.plan.assigned.v1": _assignment,
    "onefunnel.quota.set.v1": _quota,
    "onefunnel.period.closed.v1": _closed,
    "onefunnel.adjustment.posted.v1": _adjusted,
}
REFERENCE_TYPES = frozenset(_HANDLERS)
