"""What the commands need from the outside. Each docstring is the specification of its adapters."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from metrics_service.domain.adjustment import Adjustment
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.period import ClosedPeriod
from metrics_service.domain.plan import Plan
from metrics_service.domain.quota import Quota
from metrics_service.projections.definitions import TenantCalendar
from onefunnel.clock import Clock
from onefunnel.events import Event

A = TypeVar("A", Plan, Assignment, Quota, ClosedPeriod, Adjustment)


@dataclass(frozen=True, slots=True)
class Saved(Generic[A]):
    """An aggregate as it now is, its row version, and the event it published, if it did."""

    aggregate: A
    version: int
    event_id: UUID | None


class Plans(Protocol):
    """Plans of the tenant."""

    async def get(self, plan_id: UUID) -> Plan:
        """Return the plan, or raise not-found."""
        ...

    async def save(self, plan: Plan, event: Event) -> Saved[Plan]:
        """Save state and fact in one statement; raises stale-version where somebody was faster."""
        ...


class Assignments(Protocol):
    """Assignments of the tenant."""

    async def get(self, assignment_id: UUID) -> Assignment:
        """Return the assignment, or raise not-found."""
        ...

    async def of_person(self, person_id: UUID) -> list[Assignment]:
        """Return all assignments of a person, and keep others from adding one until the commit."""
        ...

    async def save(self, assignment: Assignment, event: Event) -> Saved[Assignment]:
        """Save state and fact in one statement."""
        ...


class Quotas(Protocol):
    """Quotas of the tenant."""

    def id_of(self, person_id: UUID, measure: str, component: str | None, period: str) -> UUID:
        """Return the one id a quota with this subject has."""
        ...

    async def save(self, quota: Quota, event: Event) -> Saved[Quota]:
        """Save state and fact in one statement, over an older quota with the same id if there is one."""
        ...


class Periods(Protocol):
    """Closed periods of the tenant, and its calendar."""

    def id_of(self, name: str) -> UUID:
        """Return the one id a period of this name has."""
        ...

    async def latest_closed(self, granularity: str) -> str | None:
        """Return the newest closed period, and keep others from closing one until the commit."""
        ...

    async def calendar(self) -> TenantCalendar:
        """Return the tenant's zone, currency and first month of the year."""
        ...

    async def save(self, period: ClosedPeriod, event: Event) -> Saved[ClosedPeriod]:
        """Save state and fact in one statement."""
        ...


class Adjustments(Protocol):
    """Postings by hand."""

    async def get(self, adjustment_id: UUID) -> Adjustment:
        """Return the adjustment, or raise not-found."""
        ...

    async def save(self, adjustment: Adjustment, event: Event | None = None) -> Saved[Adjustment]:
        """Save state and fact, where there is one, in one statement; stale-version as for plans."""
        ...


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction of a command: everything it may read and save."""

    plans: Plans
    assignments: Assignments
    quotas: Quotas
    periods: Periods
    adjustments: Adjustments
    clock: Clock
