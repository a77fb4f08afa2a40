"""Instants, local days and periods: every rule about time, in one place.

Instants are whole microseconds since 1970 UTC: they compare, add and cache faster than datetimes.
A period is that of the local date in the tenant's zone. A fiscal year bears the number of the
calendar year it ends in.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Micros = int
Granularity = Literal["month", "quarter", "year"]

DAY_US: Micros = 86_400_000_000
_HOUR_US: Micros = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PERIOD = re.compile(r"^(\d{4})(?:-(?:Q([1-4])|(\d{2})))?$")
_CACHED_HOURS = 100_000  # eleven years of hours; beyond that the cache starts anew


def micros(at: datetime) -> Micros:
    """Return an aware time as an instant."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(us: Micros) -> datetime:
    """Return an instant as an aware time in UTC."""
    return _EPOCH + us * _MICROSECOND


class LocalDays:
    """The local dates of one time zone: exact, and cached by hour where the whole hour is one date."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._whole_hours: dict[int, date] = {}

    def day(self, us: Micros) -> date:
        """Return the local date of an instant."""
        hour = us // _HOUR_US
        found = self._whole_hours.get(hour)
        return found if found is not None else self._look_up(us, hour)

    def _look_up(self, us: Micros, hour: int) -> date:
        first = instant(hour * _HOUR_US).astimezone(self._zone)
        last = instant(hour * _HOUR_US + _HOUR_US - 1).astimezone(self._zone)
        # Clocks have been put back over midnight within an hour: then both ends agree and the middle
        # does not. An unchanged offset rules that out.
        if first.date() == last.date() and first.utcoffset() == last.utcoffset():
            if len(self._whole_hours) >= _CACHED_HOURS:
                self._whole_hours.clear()
            self._whole_hours[hour] = first.date()
            return first.date()
        return instant(us).astimezone(self._zone).date()


@lru_cache(maxsize=256)
def local_days(time_zone: str) -> LocalDays:
    """Return the shared cache of a zone. Raises `ZoneInfoNotFoundError` for an unknown name."""
    return LocalDays(time_zone)


@lru_cache(maxsize=65_536)
def period_of(day: date, granularity: Granularity, fiscal_year_start: int = 1) -> str:
    """Return the period a local date lies in: "2026-03", "2026-Q1" or "2026"."""
    if granularity == "month":
        return f"{day.year:04}-{day.month:02}"
    into_year = (day.month - fiscal_year_start) % 12
    starts_earlier = fiscal_year_start > 1 and day.month >= fiscal_year_start
    year = day.year + (1 if starts_earlier else 0)
    return f"{year:04}" if granularity == "year" else f"{year:04}-Q{into_year // 3 + 1}"


def granularity_of(period: str) -> Granularity:
    """Return what kind of period a text names."""
    return "year" if len(period) == 4 else "quarter" if "Q" in period else "month"


@lru_cache(maxsize=8_192)
def period_bounds(period: str, fiscal_year_start: int = 1) -> tuple[date, date]:
    """Return the first and the last day of a period, both inclusive. Raises ValueError on other text."""
    found = _PERIOD.match(period)
    if not found:
        raise ValueError(f"not a period: {period}")
    year, quarter, month = (int(part) if part else 0 for part in found.groups())
    if month:
        return _span(year, month, 1)
    first_year = year - 1 if fiscal_year_start > 1 else year
    months_in = 3 * (quarter - 1) if quarter else 0
    return _span(first_year, fiscal_year_start + months_in, 3 if quarter else 12)


def _span(year: int, month: int, months: int) -> tuple[date, date]:
    last_month = month + months - 1
    last_year, last = year + (last_month - 1) // 12, (last_month - 1) % 12 + 1
    first = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    return first, date(last_year, last, monthrange(last_year, last)[1])


@lru_cache(maxsize=8_192)
def next_period(period: str) -> str:
    """Return the period after this one, of the same granularity."""
    granularity = granularity_of(period)
    year = int(period[:4])
    if granularity == "year":
        return f"{year + 1:04}"
    part, in_year = (int(period[6:]), 4) if granularity == "quarter" else (int(period[5:]), 12)
    year, part = (year, part + 1) if part < in_year else (year + 1, 1)
    return f"{year:04}-Q{part}" if granularity == "quarter" else f"{year:04}-{part:02}"
