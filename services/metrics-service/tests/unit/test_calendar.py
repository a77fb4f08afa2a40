from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_service.projections.calendar import (
    LocalDays,
    granularity_of,
    instant,
    micros,
    next_period,
    period_bounds,
    period_of,
)

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Monrovia",
]
TIMES = st.datetimes(datetime(1965, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(at=TIMES)
def test_an_instant_keeps_its_microsecond(at: datetime) -> None:
    assert instant(micros(at)) == at


@given(zone=st.sampled_from(ZONES), times=st.lists(TIMES, max_size=5), minutes=st.integers(0, 59))
def test_a_local_day_is_that_of_the_zone_at_any_instant(
    zone: str, times: list[datetime], minutes: int
) -> None:
    days = LocalDays(zone)
    for at in times:
        for near in (at, at.replace(minute=minutes), at.replace(minute=0, second=0, microsecond=0)):
            assert days.day(micros(near)) == near.astimezone(ZoneInfo(zone)).date()


def test_a_clock_put_back_over_midnight_has_two_midnights_in_one_hour() -> None:
    # Until 2011 Newfoundland changed at 00:01: one minute of the new day, then the old day again.
    days = LocalDays("America/St_Johns")
    for minute in (0, 29, 30, 31, 59):
        at = datetime(2010, 11, 7, 2, minute, tzinfo=UTC)
        assert days.day(micros(at)) == at.astimezone(ZoneInfo("America/St_Johns")).date()
    assert days.day(micros(datetime(2010, 11, 7, 2, 30, tzinfo=UTC))) == date(2010, 11, 7)
    assert days.day(micros(datetime(2010, 11, 7, 2, 31, tzinfo=UTC))) == date(2010, 11, 6)


@pytest.mark.parametrize(
    ("day", "granularity", "start", "period"),
    [
        (date(2026, 3, 31), "month", 4, "2026-03"),
        (date(2026, 3, 31), "quarter", 1, "2026-Q1"),
        (date(2026, 4, 1), "quarter", 1, "2026-Q2"),
        (date(2026, 12, 31), "year", 1, "2026"),
        (date(2026, 3, 31), "quarter", 4, "2026-Q4"),
        (date(2026, 4, 1), "quarter", 4, "2027-Q1"),
        (date(2026, 3, 31), "year", 4, "2026"),
        (date(2026, 4, 1), "year", 4, "2027"),
    ],
)
def test_a_fiscal_year_bears_the_number_of_the_year_it_ends_in(
    day: date, granularity: str, start: int, period: str
) -> None:
    assert period_of(day, granularity, start) == period


@given(
    day=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    granularity=st.sampled_from(["month", "quarter", "year"]),
    start=st.integers(1, 12),
)
def test_periods_tile_the_calendar(day: date, granularity: str, start: int) -> None:
    period = period_of(day, granularity, start)
    first, last = period_bounds(period, start)
    assert first <= day <= last
    assert granularity_of(period) == granularity
    assert period_of(last + timedelta(days=1), granularity, start) == next_period(period)
    assert period_bounds(next_period(period), start)[0] == last + timedelta(days=1)


@pytest.mark.parametrize("text", ["", "26", "2026-13x", "2026-Q5", "2026-1", "Q1-2026"])
def test_other_text_is_not_a_period(text: str) -> None:
    with pytest.raises(ValueError, match="not a period"):
        period_bounds(text)
