"""What a tenant's numbers are computed with: calendar, funnels, plans, assignments, quotas, closes.

`Definitions` is an immutable snapshot. Every entry knows its aggregate's sequence, so that events of
different aggregates may arrive in any order and the same one twice.
"""

from functools import cached_property
from uuid import UUID

import msgspec

from metrics_service.projections.calendar import (
    Granularity,
    LocalDays,
    Micros,
    local_days,
    period_of,
)
from metrics_service.projections.definition_state import (
    REFERENCE_TYPES,
    TAKE,
    Adjustment,
    Assignment,
    Quota,
    State,
    TenantCalendar,
)
from metrics_service.projections.funnel_steps import CompiledFunnel, FunnelVersion, compiled_funnel
from metrics_service.projections.keys import ADJUSTMENTS, LedgerKey
from metrics_service.projections.pay.plan import CompiledPlan, PlanVersion, compiled_plan

__all__ = ["REFERENCE_TYPES", "Adjustment", "Assignment", "Definitions", "Quota", "TenantCalendar"]

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(State).decode


class Definitions:
    """One tenant's rules, as an immutable snapshot with what is compiled from them."""

    def __init__(self, state: State) -> None:
        self._state = state

    @classmethod
    def empty(cls) -> "Definitions":
        """Return the rules of a tenant that nothing is known of: UTC, no funnel, no plan."""
        return cls(State())

    @classmethod
    def load(cls, data: bytes) -> "Definitions":
        """Return a snapshot from its bytes. Raises `msgspec.ValidationError` on other bytes."""
        return cls(_decode(data))

    def dump(self) -> bytes:
        """Return the bytes of the snapshot: equal sets of events give equal bytes."""
        return _encode(tuple(_sorted(part) for part in msgspec.structs.astuple(self._state)))

    def apply(self, type_: str, event: object, *, event_id: UUID, sequence: int) -> "Definitions":
        """Return the snapshot with one event taken in; itself where the event changes nothing."""
        handler = TAKE.get(type_)
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
