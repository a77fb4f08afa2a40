"""What a CRM said, in its own words: records as flat fields of text, each change with its key and its time."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Literal

Kind = Literal["deal", "lead"]
MAX_CHANGES: Final = 1_000
MAX_PLACES: Final = 40

# What most vendors call the records that we follow.
KINDS: Final[Mapping[str, Kind]] = {"deal": "deal", "opportunity": "deal", "lead": "lead"}
EARLIEST: Final = datetime(
    1990, 1, 1, tzinfo=UTC
)  # before it nothing happened: some write it for "never"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOTNET: Final = re.compile(r"/DATE\((-?\d{1,15})(?:[+-]\d{4})?\)/", re.ASCII)
_DIGITS: Final = re.compile(r"(\d{10}|\d{13}|\d{16})(?:\.\d{1,9})?", re.ASCII)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)


class Unreadable(Exception):
    """The body is not what this CRM sends; says which part, never what was in it."""

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked at content elsewhere: a view, and how much longer one page of it was in sight."""

    view_id: str
    document_id: str
    link_id: str
    machine: bool = False
    internal: bool = False
    page: int | None = None
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One record that changed. `kind` is None for what we do not follow: it is stored and nothing more."""

    key: str  # the vendor's id of this change, or what stands for one
    what: str  # the vendor's name for it
    kind: Kind | None = None
    external_id: str = ""
    at: datetime | None = None
    tie: str = ""
    fields: Mapping[str, str | None] = field(default_factory=dict)
    deleted: bool | None = None
    erased: bool = False  # whom the record is about asked to be forgotten
    merged_into: str | None = None  # the record, of the same kind, that lives on in its place
    thin: bool = False  # says that the record changed and not all of what it is now
    gap: bool = False  # says that more changed than is told, and not which records
    look: Look | None = None
    unreadable: str | None = None  # why this one of several could not be read
    recurs: bool = False  # the vendor names no id: the same again is another change after a while

    @property
    def record(self) -> str | None:
        """Return what the record is called among all of its connection's, None for what we do not follow."""
        return f"{self.kind}:{self.external_id}" if self.kind else None


@dataclass(frozen=True, slots=True)
class Told:
    """Everything one request said."""

    changes: tuple[Change, ...]


def parsed(body: bytes) -> Any:
    """Return the JSON of a body, decimals exactly as written. Raises `ValueError` if it is none.

    A body that is read has passed the guard before; one whose secret stands inside has not.
    """
    return json.loads(body, parse_float=_exact)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise ValueError("a number is too large") from error


def an_object(value: object, what: str) -> Mapping[str, Any]:
    """Return a value that has to be an object."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not an object")
    return value


def a_list(value: object, what: str) -> Sequence[Any]:
    """Return a value that has to be a list, not longer than any vendor's."""
    if not isinstance(value, list) or len(value) > MAX_CHANGES:
        raise Unreadable(f"{what} is not a list of at most {MAX_CHANGES}")
    return value


def each(items: Sequence[Any], read: Callable[[Any], Change]) -> tuple[Change, ...]:
    """Read the items of a batch; one that cannot be read is named and holds up no other.

    Raises `Unreadable` if none of them can be read.
    """
    return several(items, lambda item: (read(item),))


def several(items: Sequence[Any], read: Callable[[Any], Sequence[Change]]) -> tuple[Change, ...]:
    """Read the items of a batch of which each may tell of several records, as `each` does."""
    changes: list[Change] = []
    first = None
    for item in items:
        try:
            changes += read(item)
        except Unreadable as error:
            first = first or error
            key = digest_key(b"unreadable", json.dumps(item, sort_keys=True, default=str))
            changes.append(Change(key, "unreadable", unreadable=str(error)))
    if first is not None and all(change.unreadable for change in changes):
        raise first
    return tuple(changes)


def text_of(value: object) -> str | None:
    """Return a scalar as text: numbers with all their digits, booleans in small letters."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    # Written out, a number of a few bytes such as 1e-999999999 would fill the memory.
    if isinstance(value, Decimal) and abs(value.adjusted()) < MAX_PLACES:
        return format(value, "f")
    return str(value)


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, str | None]:
    """Return a record's fields by dotted names; of `{"value": x, …}` the name itself is x too."""
    return dict(_flat(record, prefix))


def _flat(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for name, value in record.items():
        if isinstance(value, dict):
            for inner in ("value", "id", "Id", "Value"):
                if inner in value and not isinstance(value[inner], dict | list):
                    yield prefix + name, text_of(value[inner])
                    break
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield prefix + name, text_of(value)


def instant(value: object) -> datetime | None:
    """Return the instant of a vendor's time: ISO with or without zone (then UTC), seconds, milliseconds."""
    text = text_of(value)
    if not text:
        return None
    try:
        at = _instant(text.upper())
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at >= EARLIEST else None


def _instant(text: str) -> datetime | None:
    if found := _DOTNET.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    if found := _DIGITS.fullmatch(text):
        micros = Decimal(text).scaleb(16 - len(found[1]))
        return _EPOCH + timedelta(microseconds=int(micros))
    if not _TIME.fullmatch(text):
        return None
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def digest_key(body: bytes, *more: str) -> str:
    """Return the key of something without an id of its own."""
    return "sha256:" + sha256(body + "\x1f".join(("", *more)).encode()).hexdigest()
