"""What the utilization pages answer."""

from dataclasses import dataclass

from metrics_service.application.metric import Metric
from metrics_service.application.queries.answer import CutAnswer


@dataclass(frozen=True, slots=True)
class LeadUse:
    """Leads handed to sales in the window, and of these touched by a person of sales within 14 days.

    `still_open` were handed over so lately that they may yet be worked in time.
    """

    key: str | None
    delivered: int
    worked: int
    still_open: int
    utilization: Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadUseAnswer(CutAnswer):
    """Whether sales used the leads it was given."""

    groups: list[LeadUse]


@dataclass(frozen=True, slots=True)
class ContentUse:
    """Assets that were active long enough in the window, and of these shared on a deal in it."""

    key: str | None
    active: int
    used: int
    shares: int
    utilization: Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentUseAnswer(CutAnswer):
    """Whether sales used what marketing made. Adoption counts people of sales who shared anything."""

    active_days: int
    groups: list[ContentUse]
    adoption: Metric
    depth: Metric
    unused: list[str]
