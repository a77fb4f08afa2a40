"""In which relations a caller stood to somebody over some days: as if every day had been asked."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from metrics_service.application.queries.org import Membership, Org, Person
from metrics_service.application.queries.scope import Scope, relations
from onefunnel.reach import EVERYTHING, Circle, Place

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(12)]
PEOPLE = [UUID(int=n) for n in range(1, 6)]


@st.composite
def orgs(draw):
    people = []
    for number, id_ in enumerate(PEOPLE):
        turns = sorted(draw(st.sets(st.sampled_from(DAYS), min_size=1, max_size=3)))
        ends = [*(turn - timedelta(days=1) for turn in turns[1:]), date.max]
        above = st.sampled_from(["", *map(str, PEOPLE[:number])])
        stays = tuple(
            Membership(begin, end, draw(above), draw(st.sampled_from(["", "a"])))
            for begin, end in zip(turns, ends, strict=True)
            if draw(st.booleans())
        )
        people.append(Person(id_, "rep", True, stays))
    return Org(people)


def scope_in(org, me):
    chart = {
        p.id: [
            Place(m.first, m.last, UUID(m.manager) if m.manager else None, m.team or None)
            for m in p.memberships
        ]
        for p in org.people
    }
    return Scope(EVERYTHING, Circle(me, chart), org, 1, DAYS[-1])


@given(orgs(), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.data())
def test_every_relation_of_some_days_is_found(org, me, other, data):
    first, last = sorted(data.draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2)))
    scope = scope_in(org, me)

    found = relations(scope, other, first, last)

    days = [day for day in DAYS if first <= day <= last]
    assert found == {scope.circle.relation(other, day, day) for day in days}
