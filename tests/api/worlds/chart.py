"""An org chart as people draw it: asked day by day, one person above the other. Slow, and plain to see."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)


class Stay(NamedTuple):
    """Where somebody stood between two days, both inclusive; `last` None is open."""

    first: date
    last: date | None
    manager: str | None
    team: str | None


class Chart:
    """Who stood where on which day."""

    def __init__(self, stays: Mapping[str, Sequence[Stay]]) -> None:
        self._stays = stays

    def on(self, person: str, day: date) -> Stay | None:
        """Return where somebody stood on a day."""
        for stay in self._stays.get(person, ()):
            if stay.first <= day and (stay.last is None or day <= stay.last):
                return stay
        return None

    def relation(self, me: str | None, owner: str | None, day: date) -> str:
        """Return in which relation a thing of `owner` stands to a caller on a day."""
        if owner is None:
            return "unowned"
        if me is None:
            return "other"
        if owner == me:
            return "self"
        if me in self._above(owner, day):
            return "subtree"
        return "team" if self._beside(me, owner, day) else "other"

    def during(self, me: str | None, owner: str, first: date, last: date) -> str:
        """Return the relation that held on every day on which `owner` stood anywhere at all."""
        if owner == me:
            return "self"
        found = {self.relation(me, owner, day) for day in days(first, last) if self.on(owner, day)}
        if found == {"subtree"}:
            return "subtree"
        return "team" if found == {"team"} else "other"

    def _above(self, person: str, day: date) -> Iterator[str]:
        stay = self.on(person, day)
        while stay is not None and stay.manager is not None:
            yield stay.manager
            stay = self.on(stay.manager, day)

    def _beside(self, one: str, other: str, day: date) -> bool:
        a, b = self.on(one, day), self.on(other, day)
        if a is None or b is None:
            return False
        return (a.team is not None and a.team == b.team) or (
            a.manager is not None and a.manager == b.manager
        )


def days(first: date, last: date) -> Iterator[date]:
    """Yield every day between two, both inclusive."""
    while first <= last:
        yield first
        first += DAY


def days_of(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + 32 * DAY).replace(day=1) - DAY
