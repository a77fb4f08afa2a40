"""The org chart over time: who stood where on which day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

OrgLabel = Literal["manager", "team", "region"]
ORG_LABELS: Final[tuple[OrgLabel, ...]] = ("manager", "team", "region")

FOREVER: Final = date.max
EVER: Final = date.min


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a person stood between two days, both inclusive."""

    first: date = EVER
    last: date = FOREVER
    manager: str = ""
    team: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the directory knows them: no name, only where they stand."""

    id: UUID
    kind: str
    active: bool
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A person bore a label from a day to a day, both inclusive."""

    person: str
    first: date
    last: date
    label: str


class Org:
    """Everybody, with where they stood."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = people
        self._memberships = {str(person.id): person.memberships for person in people}

    def spans(self, kind: OrgLabel) -> list[Span]:
        """Return who bore which manager, team or region, and when."""
        return [
            Span(person, m.first, m.last, getattr(m, kind))
            for person, memberships in self._memberships.items()
            for m in memberships
            if getattr(m, kind)
        ]

    def label(self, person: str, kind: OrgLabel, day: date) -> str:
        """Return a person's label on a day, "" where they had none."""
        for membership in self._memberships.get(person, ()):
            if membership.first <= day <= membership.last and getattr(membership, kind):
                found: str = getattr(membership, kind)
                return found
        return ""

    def labels(self, kind: OrgLabel, first: date, before: date) -> set[str]:
        """Return every label somebody bore on one of the days: what must not vanish for lack of deals."""
        return {s.label for s in self.spans(kind) if s.first < before and first <= s.last}

    def sellers(self) -> list[str]:
        """Return the people who sell: they show in a comparison though they have no deal."""
        return [str(person.id) for person in self.people if person.kind == "rep"]
