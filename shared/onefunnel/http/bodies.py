"""What request bodies are made of. Derive every request model from `Body`."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from onefunnel.currencies import CURRENCIES
from onefunnel.events.values import Currency

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2100

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Body(BaseModel):
    """A request body: unknown fields are refused and JSON types are never coerced.

    Bodies are validated from the raw bytes, in JSON mode: `true` and `1.0` are not integers, `"1"`
    is no number, and ids, dates and decimals are read from text.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        """Say which fields were given, never what is in them: this is what errors and logs show."""
        return [(name, ...) for name in sorted(self.model_fields_set)]


class Shown(BaseModel):
    """An answer, or a part of one. Derive every model of an answer from it."""

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        """Say which fields there are, never what is in them."""
        return [(name, ...) for name in type(self).model_fields]


def _rfc3339(value: object) -> object:
    if not (isinstance(value, str) and _RFC3339.fullmatch(value)):
        raise ValueError("must be an RFC 3339 time with an offset, such as 2026-11-22T09:00:00Z")
    return value


def _in_years(value: datetime) -> datetime:
    # Compared before converting: the year 9999 has no other time zone.
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value.astimezone(UTC)


def _dashed(value: object) -> object:
    if not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError("must be a date, such as 2026-11-22")
    return value


def _date_in_years(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _known(currency: str) -> str:
    if currency not in CURRENCIES:
        raise ValueError("must be a currency of ISO 4217, such as EUR")
    return currency


def _canonical(value: object) -> object:
    if not (isinstance(value, str) and _UUID.fullmatch(value)):
        raise ValueError("must be a UUID in lower case with dashes")
    return value


# Not strict, because behind a validator of ours pydantic sees a Python value and no longer JSON;
# each of these validators has let nothing but text of the right shape pass.
_FROM_TEXT: Final = Field(strict=False)
# An instant in a body or a query: RFC 3339 with an offset, 1990 to 2100, turned into UTC.
Time = Annotated[datetime, _FROM_TEXT, BeforeValidator(_rfc3339), AfterValidator(_in_years)]
# A local date in a body or a query.
Day = Annotated[date, _FROM_TEXT, BeforeValidator(_dashed), AfterValidator(_date_in_years)]
# A period in a body, a path or a query: a year, one of its quarters or months.
Period = Annotated[
    str,
    StringConstraints(pattern=r"^(199[0-9]|20[0-9]{2}|2100)(-(Q[1-4]|0[1-9]|1[0-2]))?$"),
    Field(examples=["2026-Q1"]),
]
# An id in a body, a path or a query.
Id = Annotated[UUID, _FROM_TEXT, BeforeValidator(_canonical)]
# A currency that is one, not only three letters.
KnownCurrency = Annotated[Currency, AfterValidator(_known)]
# How another system names a thing. What is not seen, or moves what stands around it, is in no name: two
# names that look alike would be two things.
OutsideName = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+$",
    ),
]
# A person's words: kept where they came in, never part of an event.
Words = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
