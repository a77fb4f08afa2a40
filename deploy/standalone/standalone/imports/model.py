"""A mapping, parsed: what each set reads from which file and makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from standalone.imports.kinds import Kind, Spec
from standalone.imports.values import Notation


@dataclass(frozen=True, slots=True)
class LookUp:
    """Take a column of a second file, in the row whose `match` column equals the value."""

    file: str
    match: str
    take: str


@dataclass(frozen=True, slots=True)
class Assumed:
    """A made-up cost: a factor of the list price or of the revenue. Everything on it is marked."""

    of: Literal["list price", "revenue"]
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: a column or a constant, then aliases, then a look-up."""

    line: int
    column: str | None
    constant: str | None
    aliases: Mapping[str, str | None]
    nulls: frozenset[str]
    default: str | None
    look_up: LookUp | None
    points_to: str | None  # the set that a reference points to
    outside: str | None  # or the source whose rows were imported earlier
    notation: Notation
    rounding: str | None
    minor_units: bool

    @property
    def place(self) -> str:
        """Return the column, or what stands in its place, for messages."""
        return self.column or "(constant)"


@dataclass(frozen=True, slots=True)
class Field:
    """A field and where its value comes from."""

    name: str
    spec: Spec
    source: Source | Assumed


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether something happened to a row."""

    source: Source
    is_one_of: frozenset[str] | None  # None: any value at all
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the row's subject."""

    name: str
    command: str
    dated_by: str
    when: tuple[Condition, ...]
    fields: tuple[Field, ...]
    credits: tuple[tuple[Field, ...], ...]


@dataclass(frozen=True, slots=True)
class SetPlan:
    """One set: the file it reads, what identifies a row, and what the row makes."""

    line: int
    name: str
    kind_name: str
    kind: Kind
    file: str
    delimiter: str | None
    key: tuple[Source, ...]
    id: tuple[Source, ...]  # what names the thing a row is about, where that is not the row's key
    only: tuple[Condition, ...]
    repeated: Literal["refuse", "same", "first"]
    fields: tuple[Field, ...]
    attributes: tuple[Field, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole mapping."""

    path: Path
    source: str
    currency: str | None
    files: Mapping[str, str | None]  # look-up files that no set reads, with their delimiter
    sets: tuple[SetPlan, ...]
