"""Whether sales used the lead it was given."""

from bisect import bisect_left

from metrics_service.projections.calendar import DAY_US, LocalDays, Micros
from metrics_service.projections.keys import LeadUseKey, LeadUseVector
from metrics_service.projections.shape import Cells, add_to

WORKED_WITHIN_US: Micros = 14 * DAY_US


def worked(touches: list[Micros], handed_at: Micros) -> bool:
    """Say whether a person of sales touched the lead within the window after hand-over."""
    place = bisect_left(touches, handed_at)
    return place < len(touches) and touches[place] - handed_at <= WORKED_WITHIN_US


def add_lead_use(cells: Cells, handed_at: Micros, touches: list[Micros], days: LocalDays) -> None:
    """Count a lead on the day it was handed over."""
    vector = LeadUseVector(delivered=1, worked=int(worked(touches, handed_at)))
    add_to(cells, (LeadUseKey, (), (days.day(handed_at),)), vector)
