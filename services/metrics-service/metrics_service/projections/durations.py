"""How long steps took, in calendar days of the tenant's zone: dates subtract the same way anywhere."""

from metrics_service.projections.calendar import LocalDays, Micros
from metrics_service.projections.keys import CYCLE, DurationKey, DurationVector
from metrics_service.projections.shape import Cells, add_to
from metrics_service.projections.walk_journey import Visit

_ONE = DurationVector(1)


def add_visits(
    cells: Cells, head: tuple[object, ...], visits: list[Visit], days: LocalDays
) -> None:
    """Count completed visits on the day they ended."""
    for step, entered_at, left_at in visits:
        ended_on = days.day(left_at)
        whole_days = (ended_on - days.day(entered_at)).days
        add_to(cells, (DurationKey, head, (step, ended_on, whole_days)), _ONE)


def cycle_days(created_at: Micros | None, booked_at: Micros, days: LocalDays) -> int | None:
    """Return the days from creation to booking; None where creation is unknown or comes later."""
    if created_at is None:
        return None
    between = (days.day(booked_at) - days.day(created_at)).days
    return between if between >= 0 else None


def add_cycle(
    cells: Cells, head: tuple[object, ...], booked_at: Micros, cycle: int, days: LocalDays
) -> None:
    """Count a won deal's cycle on its booking day."""
    add_to(cells, (DurationKey, head, (CYCLE, days.day(booked_at), cycle)), _ONE)
