"""Numbers about groups: whatever is asked, no answers together tell of fewer than five people."""

import itertools
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_service.application.metric import Window
from metrics_service.application.queries.groups import hidden_teams, large, whole_months
from metrics_service.application.queries.org import Membership, Org, Person

MONTHS = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1))
TODAY = date(2026, 3, 20)
TEAMS = ("", "a", "b", "c")
TURNS = (date(2026, 1, 11), date(2026, 2, 1), date(2026, 2, 20), date(2026, 3, 1))


def members(**sizes):
    found, n = {}, itertools.count()
    for key, size in sizes.items():
        found[key] = {str(next(n)) for _ in range(size)}
    return found


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"a": 5, "b": 6}, {"a", "b"}),
        ({"a": 4}, set()),
        ({"a": 5, "b": 4}, set()),
        ({"a": 9, "b": 5, "c": 4}, {"a"}),
        ({"a": 5, "b": 3, "c": 2}, {"a"}),
        ({"a": 5, "b": 0}, {"a"}),
    ],
)
def test_what_is_left_out_is_as_large_as_what_is_shown(sizes, shown):
    assert large(members(**sizes)) == shown


def test_who_was_in_two_small_groups_is_one_person():
    assert large({"a": set("abcde"), "b": set("xyz"), "c": set("xyz")}) == set()


def test_a_window_is_of_whole_months():
    asked = Window(date(2026, 1, 10), date(2026, 2, 2))
    assert whole_months(asked) == Window(date(2026, 1, 1), date(2026, 3, 1))
    assert whole_months(whole_months(asked)) == whole_months(asked)


@st.composite
def charts(draw):
    people = []
    for n in range(draw(st.integers(5, 16))):
        turns = sorted(draw(st.sets(st.sampled_from(TURNS), max_size=2)))
        begins = [date(2025, 1, 1), *turns]
        ends = [*(turn - timedelta(days=1) for turn in turns), date.max]
        stays = tuple(
            Membership(begin, end, team=draw(st.sampled_from(TEAMS)))
            for begin, end in zip(begins, ends, strict=True)
        )
        people.append(Person(UUID(int=n), "rep", True, stays))
    return Org(people)


def team_on(person, day):
    return next((m.team for m in person.memberships if m.first <= day <= m.last), "")


def there(org, month, teams):
    """Return who was in one of the teams on some day of a month: what a number about them is about."""
    end = MONTHS[MONTHS.index(month) + 1]
    days = [month + timedelta(days=n) for n in range((end - month).days)]
    return {p.id for p in org.people if any(team_on(p, day) in teams for day in days)}


def rank(rows):
    rows, found = [list(map(Fraction, row)) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((r for r in range(found, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for r in range(found + 1, len(rows)):
            factor = rows[r][column] / rows[found][column]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[found], strict=True)]
        found += 1
    return found


@given(charts())
def test_no_sum_and_difference_of_answers_is_about_fewer_than_five(org):
    """Every window is asked, as a whole and by team; a number that follows from the answers is known."""
    unknowns = [(month, team) for month in MONTHS[:3] for team in TEAMS]
    known = []
    for first, last in itertools.combinations(MONTHS, 2):
        hidden = hidden_teams(org, Window(first, last), TODAY)
        shown = [set(TEAMS), *({team} for team in TEAMS if team not in hidden)]
        known += [[first <= m < last and t in teams for m, t in unknowns] for teams in shown]
    told = rank(known)
    for month in MONTHS[:3]:
        for size in range(1, len(TEAMS)):
            for teams in itertools.combinations(TEAMS, size):
                about = there(org, month, teams)
                if 0 < len(about) < 5:
                    wanted = [m == month and t in teams for m, t in unknowns]
                    assert rank([*known, wanted]) > told, (month, teams, about)
