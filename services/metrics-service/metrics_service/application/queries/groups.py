"""Which groups of people are large enough to be shown to those who see numbers about groups only.

What two answers say must not tell by subtraction what neither may say. So there is one way to put
people together (by team), and one measure of time (whole months): whether a team is shown in a month
follows from the org chart of that month alone, never from the question, and a window shows a team
where each of its months does.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Final

from metrics_service.application.metric import Window
from metrics_service.application.queries.org import Org, OrgLabel
from onefunnel.reach import SMALLEST_GROUP

FIXED_GROUPS: Final[OrgLabel] = "team"
_LONGER_THAN_A_MONTH: Final = timedelta(days=32)


def large(members: Mapping[str, AbstractSet[str]]) -> set[str]:
    """Return the groups with members enough.

    Those that are left out must have enough together, or the whole less the rest would show them;
    whoever was in several of them is one.
    """
    kept = sorted(members, key=lambda key: (-len(members[key]), key))
    hidden: set[str] = set()
    while kept and (len(members[kept[-1]]) < SMALLEST_GROUP or 0 < len(hidden) < SMALLEST_GROUP):
        hidden |= members[kept.pop()]
    return set(kept)


def whole_months(window: Window) -> Window:
    """Return the window from the first day of its first month to the end of its last."""
    return Window(window.from_.replace(day=1), _next(window.to - timedelta(days=1)))


def hidden_teams(org: Org, window: Window, today: date) -> set[str]:
    """Return the teams that a window does not show; "" is of those who are in none.

    The month of today counts in every window: what is open now is about now.
    """
    hidden: set[str] = set()
    for first in {*_months(whole_months(window)), today.replace(day=1)}:
        members = _members(org, first, _next(first) - timedelta(days=1))
        hidden |= members.keys() - large(members)
    return hidden


def _months(window: Window) -> Iterator[date]:
    first = window.from_
    while first < window.to:
        yield first
        first = _next(first)


def _next(day: date) -> date:
    return (day.replace(day=1) + _LONGER_THAN_A_MONTH).replace(day=1)


def _members(org: Org, first: date, last: date) -> Mapping[str, AbstractSet[str]]:
    """Return whom each team held on some day between two, both inclusive; "" is whom none did on one."""
    teams: dict[str, set[str]] = defaultdict(set)
    placed: dict[str, int] = defaultdict(int)
    for span in org.spans(FIXED_GROUPS):
        begin, end = max(span.first, first), min(span.last, last)
        if begin <= end:
            teams[span.label].add(span.person)
            placed[span.person] += (end - begin).days + 1
    whole = (last - first).days + 1
    people = {str(person.id) for person in org.people}
    return {**teams, "": {person for person in people if placed[person] < whole}}
