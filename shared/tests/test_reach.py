"""How far a right reaches, in generated org charts: lists and single questions agree on every day."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from onefunnel.reach import ALL, RELATIONS, Circle, Place, Rights, needs_chart

PEOPLE = [UUID(int=n + 1) for n in range(7)]
BEGIN = date(2026, 1, 1)
CUTS = [BEGIN + timedelta(days=n) for n in (0, 10, 20, 30)]
TEAMS = ("a", "b", None)


@st.composite
def charts(draw):
    """People report to those before them, so nobody is above themselves; each moves at most twice."""
    chart = {}
    for n, person in enumerate(PEOPLE):
        places = []
        for first, after in zip(CUTS, [*CUTS[1:], date.max], strict=True):
            if draw(st.booleans()):
                manager = draw(st.sampled_from([*PEOPLE[:n], None]))
                last = after if after == date.max else after - timedelta(days=1)
                places.append(Place(first, last, manager, draw(st.sampled_from(TEAMS))))
        chart[person] = places
    return chart


def relation_by_hand(chart, me, other, day):
    """Climb the chart of one day."""

    def place(person):
        return next((p for p in chart[person] if p.first <= day <= p.last), None)

    if other == me:
        return "self"
    above = place(other)
    while above is not None and above.manager is not None:
        if above.manager == me:
            return "subtree"
        above = place(above.manager)
    mine, theirs = place(me), place(other)
    if mine and theirs:
        same_team = mine.team is not None and mine.team == theirs.team
        if same_team or (mine.manager is not None and mine.manager == theirs.manager):
            return "team"
    return "other"


DAYS = st.sampled_from([BEGIN + timedelta(days=n) for n in (0, 5, 10, 19, 20, 29, 30, 400)])


@given(charts(), st.sampled_from(PEOPLE), DAYS, st.frozensets(st.sampled_from(RELATIONS)))
def test_a_list_holds_what_a_single_question_allows(chart, me, day, relations):
    circle = Circle(me, chart)
    owners = circle.owners(relations, day)
    for person in PEOPLE:
        relation = relation_by_hand(chart, me, person, day)
        assert circle.relation(person, day, day) == relation
        assert (person in owners) == (relation in relations)
    assert (None in owners) == ("unowned" in relations)
    assert owners.everybody == (relations == ALL)


@given(charts(), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_a_month_is_a_managers_only_if_every_day_of_it_is(chart, me, other):
    days = [BEGIN + timedelta(days=n) for n in range(31)]
    held = [d for d in days if any(p.first <= d <= p.last for p in chart[other])]
    by_day = {relation_by_hand(chart, me, other, day) for day in held}
    whole = Circle(me, chart).relation(other, days[0], days[-1])
    if by_day == {"subtree"}:
        assert whole == "subtree"
    if whole == "subtree":
        assert by_day == {"subtree"}


@given(charts(), DAYS)
def test_who_is_no_person_has_nobody_around_them(chart, day):
    around = Circle(None, chart).owners({"self", "subtree", "team"}, day)
    assert not any(person in around for person in PEOPLE)


@given(
    charts(),
    st.sampled_from(PEOPLE),
    DAYS,
    st.frozensets(st.sampled_from(RELATIONS)),
    st.frozensets(st.sampled_from(RELATIONS)),
)
def test_where_the_chart_is_not_needed_it_changes_nothing(chart, me, day, sees, may):
    if not needs_chart(Rights(sees, may)):
        for relations in (sees, may):
            with_, without = (Circle(me, c).owners(relations, day) for c in (chart, {}))
            assert [p in with_ for p in PEOPLE] == [p in without for p in PEOPLE]
