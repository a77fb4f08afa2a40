"""From the text of a cell to an exact value, or the reason why not. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from onefunnel.currencies import exponent_of
from standalone.console.money import to_minor

MAX_MINOR = 10**15
MAX_TEXT = 200
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:/&+-]{0,63}")
_STEP = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,24}(\.[0-9]{1,24})?")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?")
_UTC = ZoneInfo("UTC")
_YEARS = range(1900, 2200)


class Unusable(Exception):
    """A cell's text cannot be what its column is mapped to."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How numbers and times are written in a file."""

    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("iso",)
    zone: ZoneInfo = _UTC


def text(cell: str) -> str:
    """Return a name as it is, within the limit."""
    if len(cell) > MAX_TEXT:
        raise Unusable(f"it is longer than {MAX_TEXT} characters")
    if not cell.isprintable():
        raise Unusable("it holds characters that cannot be printed")
    return cell


def code(cell: str) -> str:
    """Return a word of the tenant's vocabulary: a source, a segment, a region."""
    if not _CODE.fullmatch(cell):
        raise Unusable(
            "it is not a code: letters, digits, space and _.:/&+- , at most 64, beginning with"
            " a letter or digit (an alias in the mapping can name it)"
        )
    return cell


def step(cell: str) -> str:
    """Return a step key of the funnel."""
    if not _STEP.fullmatch(cell):
        raise Unusable("it is not a step key (an alias in the mapping can name the step)")
    return cell


def currency(cell: str) -> str:
    """Return an ISO 4217 code."""
    if not _CURRENCY.fullmatch(cell):
        raise Unusable("it is not a currency code of three capital letters")
    return cell


def number(cell: str, notation: Notation) -> Decimal:
    """Return an exact decimal."""
    plain = cell.replace(" ", "")
    if notation.thousands:
        plain = plain.replace(notation.thousands, "")
    if notation.decimal != ".":
        plain = plain.replace(".", "?").replace(notation.decimal, ".")
    if not _NUMBER.fullmatch(plain):
        raise Unusable("it is not a number" + _number_hint(cell, notation))
    return Decimal(plain)


def _number_hint(cell: str, notation: Notation) -> str:
    if notation.decimal == "." and re.search(r"\d,\d{1,2}$", cell):
        return "; did you mean  decimal: ','  in the mapping?"
    if re.search(r"\d[,.' ]\d{3}\b", cell) and not notation.thousands:
        return "; did you mean  thousands: ','  in the mapping?"
    return ""


def minor(amount: Decimal, code_of: str, rounding: str | None = None) -> int:
    """Return an amount in minor units of a currency; only a stated rounding may drop digits."""
    if rounding:
        amount = amount.quantize(Decimal(1).scaleb(-exponent_of(code_of)), rounding=rounding)
    value = to_minor(amount, code_of)
    if value is None:
        digits = exponent_of(code_of)
        raise Unusable(
            f"{code_of} has {digits} decimal digits (the mapping can say  round: half_up)"
        )
    if abs(value) > MAX_MINOR:
        raise Unusable(f"it is beyond the limit of {MAX_MINOR:,} minor units")
    return value


def whole(cell: str, notation: Notation, least: int, most: int) -> int:
    """Return an integer within bounds."""
    value = number(cell, notation)
    if value != value.to_integral_value():
        raise Unusable("it is not a whole number")
    if not least <= value <= most:
        raise Unusable(f"it must be from {least:,} to {most:,}")
    return int(value)


def quantity(cell: str, notation: Notation) -> str:
    """Return a positive quantity as exact text."""
    value = number(cell, notation)
    if value <= 0:
        raise Unusable("a quantity must be more than zero")
    plain = f"{value.normalize():f}"
    if len(plain.partition(".")[0]) > 12 or len(plain.partition(".")[2]) > 12:
        raise Unusable("it has more than 12 digits before or after the point")
    return plain


def share(cell: str, notation: Notation) -> str:
    """Return a share from 0 to 1 as exact text."""
    value = number(cell, notation)
    if not 0 <= value <= 1:
        raise Unusable("a share must be from 0 to 1")
    return f"{value:f}"


@lru_cache(maxsize=10_000)
def instant(cell: str, notation: Notation) -> str:
    """Return a time as RFC 3339 UTC; a date means its start in the file's zone."""
    for form in notation.dates:
        found = _iso(cell) if form == "iso" else _formatted(cell, form)
        if found is not None:
            aware = found if found.tzinfo else found.replace(tzinfo=notation.zone)
            if aware.year not in _YEARS:
                raise Unusable(f"its year must be from {_YEARS.start} to {_YEARS.stop - 1}")
            return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    forms = ", ".join("2026-11-22 or 2026-11-22 09:00" if f == "iso" else f for f in notation.dates)
    raise Unusable(f"it is not a date written as {forms}")


def day(cell: str, notation: Notation) -> str:
    """Return a calendar date."""
    at = datetime.fromisoformat(instant(cell, notation))
    return at.astimezone(notation.zone).date().isoformat()


def _iso(cell: str) -> datetime | None:
    if not _ISO.fullmatch(cell):
        return None
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def _formatted(cell: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)  # noqa: DTZ007 - the zone is the caller's
    except ValueError:
        return None


def is_date_format(form: str) -> bool:
    """Say whether a pattern can hold a whole date."""
    sample = datetime(2026, 11, 22, 9, 30, 15, tzinfo=UTC)
    try:
        again = datetime.strptime(sample.strftime(form), form)  # noqa: DTZ007 - only its date counts
    except ValueError:
        return False
    return again.date() == date(2026, 11, 22)
