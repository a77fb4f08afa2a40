"""How long something took: exact medians and percentiles in whole days."""

from dataclasses import dataclass
from fractions import Fraction

from metrics_service.application.metric import exact_text


@dataclass(frozen=True, slots=True)
class Spread:
    """Completed durations in days; None where none was completed. `n` says how many were."""

    n: int
    median_days: str | None
    p90_days: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StepSpread:
    """The middle of a group's durations in one step, as the counters have them."""

    group: str
    step: str
    n: int
    lower_median: int
    upper_median: int
    p90: int


NOTHING_COMPLETED = Spread(0, None, None, "none-completed")


def spread(row: StepSpread | None) -> Spread:
    """Return the spread of a row; of an even number the median is the mean of the two in the middle."""
    if row is None or row.n == 0:
        return NOTHING_COMPLETED
    middle = Fraction(row.lower_median + row.upper_median, 2)
    return Spread(row.n, exact_text(middle), row.p90)
