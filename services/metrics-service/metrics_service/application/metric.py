"""What every number of the API looks like: its value as exact text, and what it was made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from math import isqrt
from typing import Annotated, Final, Literal

from pydantic import Field

DIGITS: Final = 6  # of a rate; numerator and denominator carry what is cut off
_SCALE: Final = 10**DIGITS
_Z: Final = Fraction("1.959964")  # of a two-sided 95 % interval

Method = Literal["cohort", "snapshot", "period", "window", "exact"]
Reason = Literal["zero-denominator", "cost-unknown", "no-quota", "none-completed"]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency; amounts of two currencies are never added."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Window:
    """Local dates, half-open: `to` is the first day that is not in it."""

    from_: Annotated[date, Field(alias="from")]
    to: date


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true rate lies with 95 % confidence, by Wilson's method: it is honest when n is small."""

    low: str
    high: str
    level: str = "0.95"
    method: str = "wilson"


@dataclass(frozen=True, slots=True)
class Basis:
    """What the metrics of one answer share: how they were counted, by which definition, over what."""

    method: Method
    definition_version: str
    window: Window


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that can be recomputed: `value` is `numerator / denominator`, or None for a reason."""

    value: str | None
    numerator: int | str
    denominator: int | str
    n: int
    method: Method
    definition_version: str
    window: Window
    reason: Reason | None = None
    interval: Interval | None = None
    explain: str | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the projections are: `as_of` is the latest instant before which everything is folded."""

    as_of: datetime
    lag_events: int
    stale: bool


@dataclass(frozen=True, slots=True)
class Assumed:
    """How much of a figure rests on costs that an import made up."""

    assumed: bool
    n: int
    amount: Money


Refs = Mapping[str, list[str]]  # ids by kind; the gateway puts their names in place


def exact_text(value: Fraction) -> str:
    """Write a fraction with six decimals, half away from zero; what is below one is never shown as one."""
    units = _half_away(value * _SCALE)
    if value < 1 and units >= _SCALE:
        units = _SCALE - 1  # 99.9999999 % of a quota is not the quota
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), _SCALE)
    return f"{sign}{whole}.{part:0{DIGITS}d}"


def _half_away(value: Fraction) -> int:
    magnitude = (abs(value.numerator) * 2 + value.denominator) // (2 * value.denominator)
    return magnitude if value >= 0 else -magnitude


def rate(
    numerator: int,
    denominator: int,
    basis: Basis,
    *,
    explain: str | None = None,
) -> Metric:
    """Return a share of counted things with its interval; None where there is nothing to count."""
    within = 0 <= numerator <= denominator and denominator > 0
    return _ratio(
        Fraction(numerator),
        Fraction(denominator),
        basis,
        n=denominator,
        interval=wilson(numerator, denominator) if within else None,
        explain=explain,
    )


def share(
    numerator: int, denominator: int, basis: Basis, *, n: int, explain: str | None = None
) -> Metric:
    """Return a ratio of amounts, which has no interval; `n` says how many things the amounts are of."""
    return _ratio(Fraction(numerator), Fraction(denominator), basis, n=n, explain=explain)


def exact_ratio(
    numerator: int, denominator: Fraction, basis: Basis, *, n: int, explain: str | None = None
) -> Metric:
    """Return a ratio to an exact fraction, as attainment of a prorated quota is."""
    return _ratio(Fraction(numerator), denominator, basis, n=n, explain=explain)


def _ratio(
    numerator: Fraction,
    denominator: Fraction,
    basis: Basis,
    *,
    n: int,
    interval: Interval | None = None,
    explain: str | None = None,
) -> Metric:
    return Metric(
        value=exact_text(numerator / denominator) if denominator else None,
        numerator=plain(numerator),
        denominator=plain(denominator),
        n=n,
        method=basis.method,
        definition_version=basis.definition_version,
        window=basis.window,
        reason=None if denominator else "zero-denominator",
        interval=interval,
        explain=explain,
    )


def plain(value: Fraction) -> int | str:
    """Return a whole number as itself, any other as `"a/b"`: nothing is rounded."""
    return int(value) if value.denominator == 1 else str(value)


def wilson(successes: int, n: int) -> Interval:
    """Return the 95 % interval of a proportion, in integers to the last digit."""
    p, z2 = Fraction(successes, n), _Z * _Z
    centre = p + z2 / (2 * n)
    spread = _Z * _root(p * (1 - p) / n + z2 / (4 * n * n))
    scale = 1 + z2 / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return Interval(exact_text(max(low, Fraction(0))), exact_text(min(high, Fraction(1))))


def _root(value: Fraction) -> Fraction:
    """Return the square root to twelve decimals, by integers alone: the same on every machine."""
    precision = 10**24
    return Fraction(isqrt(value.numerator * precision // value.denominator), 10**12)


def quantile(counts: Mapping[int, int], share_: Fraction) -> int | None:
    """Return the smallest value that at least the given share of the observations do not exceed."""
    total = sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if total and seen >= share_ * total:
            return value
    return None
