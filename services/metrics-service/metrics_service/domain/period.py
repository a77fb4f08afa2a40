"""Closing pay periods: in order, once, and never before they are over."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from onefunnel.errors import broken_rule, conflict
from onefunnel.events.plans import PeriodClosed


@dataclass(frozen=True, slots=True)
class Period:
    """A pay period that is to be closed: its name, its first day after the end, its successor's name."""

    id: UUID
    name: str
    ends_before: date  # the first day that is no longer in it
    previous: str


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A period whose statements stay as they are; later differences are posted into open ones."""

    id: UUID
    name: str
    closed_at: datetime


def close(
    period: Period, *, latest_closed: str | None, today: date, at: datetime
) -> tuple[ClosedPeriod, PeriodClosed]:
    """Close a period after the one before it; `latest_closed` is of the same granularity."""
    if latest_closed is not None and period.name <= latest_closed:
        raise conflict("This period is closed.", code="period-closed")
    if today < period.ends_before:
        raise broken_rule(f"This period can be closed from {period.ends_before} on.")
    if latest_closed is not None and period.previous != latest_closed:
        raise conflict(f"Periods are closed in order; the one after {latest_closed} is next.")
    closed = ClosedPeriod(period.id, period.name, at)
    return closed, PeriodClosed(period_id=period.id, period=period.name, closed_at=at)
