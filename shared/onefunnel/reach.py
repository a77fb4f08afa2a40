"""How far a right reaches: to oneself, the people below, the team, everybody else, what is nobody's.

A right is a set of relations between the caller and the person a thing belongs to. Who stands in
which relation is in the org chart, day by day; nobody is asked but the chart.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple, get_args
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind, not_found

# `admin` is the owner of the tenant, `operator` looks after the machines and sees nothing of the tenant's.
Role = Literal[
    "rep",
    "marketer",
    "manager",
    "executive",
    "comp_admin",
    "auditor",
    "integration",
    "operator",
    "admin",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
Relation = Literal["self", "subtree", "team", "other", "unowned"]
RELATIONS: Final[tuple[Relation, ...]] = get_args(Relation)
ALL: Final[frozenset[Relation]] = frozenset(RELATIONS)
_AROUND: Final[frozenset[Relation]] = frozenset({"subtree", "team", "other"})

# The smallest group of people that a number may be about, for those who see numbers only.
SMALLEST_GROUP: Final = 5


@dataclass(frozen=True, slots=True)
class Rights:
    """What a caller may do in one request: to whose things, and how much of them is shown."""

    sees: frozenset[Relation] = frozenset()  # whose things are there at all, for this caller
    may: frozenset[Relation] = frozenset()  # to whose things this very action is allowed
    masked: bool = False  # without names and addresses of people outside
    grouped: bool = False  # only numbers about groups of people


EVERYTHING: Final = Rights(ALL, ALL)
NO_RIGHTS: Final = Rights()


class Place(NamedTuple):
    """Where a person stood between two days, both inclusive."""

    first: date
    last: date
    manager: UUID | None
    team: str | None


class Span(NamedTuple):
    """A person, between two days, both inclusive."""

    person: UUID
    first: date
    last: date


Chart = Mapping[UUID, Collection[Place]]  # nobody's places overlap in time


@dataclass(frozen=True, slots=True)
class Owners:
    """A set of owners: those listed, or all but those listed; and perhaps what belongs to nobody."""

    listed: frozenset[UUID]
    all_but: bool
    unowned: bool

    def __contains__(self, owner: UUID | None) -> bool:
        """Say whether what belongs to `owner` is in the set."""
        if owner is None:
            return self.unowned
        return (owner in self.listed) != self.all_but

    @property
    def everybody(self) -> bool:
        """Say whether the set leaves nothing out."""
        return self.all_but and self.unowned and not self.listed


class Circle:
    """The people around one caller, over time. A caller who is no person has nobody around them."""

    def __init__(self, me: UUID | None, chart: Chart) -> None:
        self._me = me
        self._chart = chart
        self._below = list(_below(me, chart)) if me else []
        self._beside = list(_beside(me, chart)) if me else []

    def owners(self, relations: Collection[Relation], day: date) -> Owners:
        """Return whose things stand in one of the relations on a day."""
        known: dict[UUID, Relation] = dict.fromkeys(_on(self._beside, day), "team")
        known |= dict.fromkeys(_on(self._below, day), "subtree")
        if self._me:
            known[self._me] = "self"
        others = "other" in relations
        listed = {person for person, r in known.items() if (r in relations) != others}
        return Owners(frozenset(listed), others, "unowned" in relations)

    def relation(self, person: UUID, first: date, last: date) -> Relation:
        """Return the relation to a person over all days between two, both inclusive.

        Days on which the person had no place in the chart do not count: somebody who was hired in
        the middle of a month was their manager's for the whole of it, somebody who moved was nobody's.
        """
        if person == self._me:
            return "self"
        held = _days(self._chart.get(person, ()), first, last)
        if held and held == _days((s for s in self._below if s.person == person), first, last):
            return "subtree"
        if held and held == _days((s for s in self._beside if s.person == person), first, last):
            return "team"
        return "other"

    def spans(self, relations: Collection[Relation]) -> list[Span]:
        """Return who stood in one of the relations, and when; `other` has no end and is not asked for."""
        assert "other" not in relations, "everybody else is no list"
        found: list[Span] = []
        if self._me and "self" in relations:
            found.append(Span(self._me, date.min, date.max))
        found += self._below if "subtree" in relations else ()
        found += self._beside if "team" in relations else ()
        return found


def check(rights: Rights, relation: Relation, what: str) -> None:
    """Refuse what is not allowed: as a thing that is not there, unless the caller sees it."""
    if relation in rights.may:
        return
    if relation not in rights.sees:
        raise not_found(what)
    raise forbidden()


def forbidden() -> DomainError:
    """Return the error for something visible that may not be done."""
    detail = "You see this, and may not do that to it; GET /v1/me says what you may."
    return DomainError("forbidden", detail, kind=ErrorKind.FORBIDDEN)


def needs_chart(rights: Rights) -> bool:
    """Say whether the org chart decides anything: not where all around the caller are treated alike."""
    return any(
        relations & _AROUND not in {frozenset(), _AROUND} for relations in (rights.sees, rights.may)
    )


def _below(me: UUID, chart: Chart) -> Iterable[Span]:
    """Yield who reported to `me`, over however many others, and when."""
    reports: dict[UUID, list[Span]] = {}
    for person, places in chart.items():
        for place in places:
            if place.manager is not None:
                reports.setdefault(place.manager, []).append(Span(person, place.first, place.last))
    frontier, seen = [Span(me, date.min, date.max)], set[Span]()
    while frontier:
        frontier = [
            Span(report.person, first, last)
            for above in frontier
            for report in reports.get(above.person, ())
            if report.person != me
            and (first := max(above.first, report.first)) <= (last := min(above.last, report.last))
        ]
        frontier = [span for span in frontier if span not in seen]
        seen.update(frontier)
        yield from frontier


def _beside(me: UUID, chart: Chart) -> Iterable[Span]:
    """Yield who had the same team or the same manager as `me`, and when."""
    for mine in chart.get(me, ()):
        for person, places in chart.items():
            for place in places:
                first, last = max(mine.first, place.first), min(mine.last, place.last)
                if person != me and first <= last and _peers(mine, place):
                    yield Span(person, first, last)


def _peers(one: Place, other: Place) -> bool:
    same_team = bool(one.team) and one.team == other.team
    return same_team or (one.manager is not None and one.manager == other.manager)


def _on(spans: Iterable[Span], day: date) -> Iterable[UUID]:
    return (span.person for span in spans if span.first <= day <= span.last)


def _days(spans: Iterable[Place | Span], first: date, last: date) -> int:
    return sum(max(0, (min(span.last, last) - max(span.first, first)).days + 1) for span in spans)
