"""Whose numbers and pay one caller sees, as of the days they are about."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Protocol, TypeVar
from uuid import UUID

from metrics_service.application.queries.cut import Cut, Dimension, Stretch
from metrics_service.application.queries.groups import FIXED_GROUPS, hidden_teams, whole_months
from metrics_service.application.queries.org import FOREVER, Org, Person
from metrics_service.application.queries.situation import Situation
from metrics_service.projections.calendar import period_bounds
from onefunnel.errors import DomainError, ErrorKind, not_found
from onefunnel.reach import ALL, Chart, Circle, Place, Relation, Rights, Span


class Keyed(Protocol):
    """A group of an answer."""

    @property
    def key(self) -> str | None:
        """What it is a group of."""
        ...


K = TypeVar("K", bound=Keyed)

_PEOPLE: Final[frozenset[Dimension]] = frozenset({"person", "manager", "team", "region"})


@dataclass(frozen=True, slots=True)
class Scope:
    """The rights of one read, and the people around its caller."""

    rights: Rights
    circle: Circle
    org: Org
    fiscal_year_start: int
    today: date

    @property
    def spans(self) -> list[Span] | None:
        """Who is seen, and when; None for everybody."""
        return None if self.rights.may >= ALL else self.circle.spans(self.rights.may)

    def shows(self, person: UUID, first: date, last: date) -> bool:
        """Say whether the caller may see a person's numbers of all days between two."""
        return self.circle.relation(person, first, last) in self.rights.may

    def shows_period(self, person: UUID, period: str) -> bool:
        """Say whether the caller may see a person's pay of a period."""
        return self.shows(person, *period_bounds(period, self.fiscal_year_start))

    def check_period(self, person: UUID, period: str) -> None:
        """Refuse pay that is not there for this caller."""
        if self.rights.grouped or not self.shows_period(person, period):
            raise not_there()

    def check_ever(self, person: UUID | None) -> None:
        """Refuse a person of whom this caller sees no day."""
        spans = self.spans
        known = spans is None or person is None or any(s.person == person for s in spans)
        if not known or (person is not None and self.rights.grouped):
            raise not_there()

    def cut(self, cut: Cut) -> Cut:
        """Return a cut of what the caller sees; of whole months, where they see groups only."""
        if self.rights.grouped:
            _check_fixed(cut)
            cut = replace(cut, window=whole_months(cut.window))
        if (spans := self.spans) is None:
            return cut
        return replace(cut, within=tuple(Stretch(str(s.person), s.first, s.last) for s in spans))

    def seen(self, org: Org) -> Org:
        """Return an org chart with nobody in it whom the caller never sees."""
        if (spans := self.spans) is None:
            return org
        people = {span.person for span in spans}
        return Org([person for person in org.people if person.id in people])

    def large_teams(self, groups: list[K], cut: Cut) -> list[K]:
        """Return the groups of an answer without those about too few people."""
        if not self.rights.grouped or cut.group_by != FIXED_GROUPS:
            return groups
        hidden = hidden_teams(self.org, cut.window, self.today)
        return [group for group in groups if (group.key or "") not in hidden]


def scope(rights: Rights, me: UUID | None, org: Org, situation: Situation) -> Scope:
    """Return whose numbers a caller sees."""
    circle = Circle(me, _chart(org.people))
    year_start = situation.definitions.calendar.fiscal_year_start
    return Scope(rights, circle, org, year_start, situation.today)


def relations(scope_: Scope, person: UUID, first: date, last: date | None) -> set[Relation]:
    """Return every relation the caller stood in to a person on a day between two."""
    last = last or FOREVER
    stays: list[Place | Span] = [*_chart(scope_.org.people).get(person, ())]
    stays += [s for s in scope_.circle.spans(("subtree", "team")) if s.person == person]
    # It changes where the person moves, and where somebody between them and the caller does.
    turns = {first, last}
    for stay in stays:
        turns |= {stay.first, stay.last}
        turns |= {stay.last + timedelta(days=1)} if stay.last < FOREVER else set()
    return {scope_.circle.relation(person, day, day) for day in turns if first <= day <= last}


def not_there() -> DomainError:
    """Return the one answer about a person whom the caller does not see, or who does not exist."""
    return not_found("thing")


def not_fixed() -> DomainError:
    """Return the error for putting people together in another way than the fixed one."""
    return DomainError(
        "forbidden",
        "You see numbers about groups of people: group_by=team alone, or no group and filter of people.",
        kind=ErrorKind.FORBIDDEN,
    )


def _check_fixed(cut: Cut) -> None:
    people = cut.dimensions & _PEOPLE
    if people and (people != {cut.group_by} or cut.group_by != FIXED_GROUPS or cut.filters):
        raise not_fixed()


def _chart(people: Iterable[Person]) -> Chart:
    return {
        person.id: [
            Place(m.first, m.last, UUID(m.manager) if m.manager else None, m.team or None)
            for m in person.memberships
        ]
        for person in people
    }
