"""Where a difference lands: in its own period while that is open, else in the first open one after."""

from typing import Literal, NamedTuple

from metrics_service.projections.calendar import next_period
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import ADJUSTMENTS, LedgerKey

Kind = Literal["earn", "retro", "adjustment"]


class Posting(NamedTuple):
    """The period whose statement shows the entry, and what kind of entry it is."""

    period: str
    kind: Kind


def posted_period(earned: str, definitions: Definitions) -> str:
    """Return the earned period if it is open, else the first open one of the same granularity."""
    period = earned
    while period in definitions.closed:
        period = next_period(period)
    return period


def posting(key: LedgerKey, definitions: Definitions) -> Posting:
    """Return where and as what a difference of a ledger key is posted now."""
    period = posted_period(key.earned_period, definitions)
    if key.component == ADJUSTMENTS:
        return Posting(period, "adjustment")
    return Posting(period, "earn" if period == key.earned_period else "retro")
