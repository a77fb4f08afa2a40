"""Who may be above whom, and when."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_service.domain.org import check_chart, check_memberships
from onefunnel.errors import DomainError
from onefunnel.events.directory import Membership
from onefunnel.events.values import PersonId
from onefunnel.ids import new_id

P = [PersonId(new_id()) for _ in range(60)]


def under(
    manager: PersonId | None, first: date | None = None, last: date | None = None
) -> Membership:
    return Membership(from_=first, to=last, manager_id=manager)


def test_nobody_is_their_own_manager() -> None:
    with pytest.raises(DomainError) as refused:
        check_memberships(P[0], (under(P[0]),))
    assert refused.value.pointer == "/memberships/0/manager"


def test_a_membership_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(DomainError):
        check_memberships(P[0], (under(P[1], date(2026, 2, 1), date(2026, 1, 31)),))


def test_memberships_that_share_a_day_are_refused() -> None:
    with pytest.raises(DomainError):
        check_memberships(
            P[0], (under(P[1], None, date(2026, 1, 31)), under(P[2], date(2026, 1, 31), None))
        )


def test_memberships_that_follow_each_other_are_taken() -> None:
    check_memberships(
        P[0], (under(P[1], date(2026, 2, 1), None), under(P[2], None, date(2026, 1, 31)))
    )


def test_a_circle_of_three_is_refused() -> None:
    chart = {P[0]: (under(P[1]),), P[1]: (under(P[2]),), P[2]: (under(P[0]),)}
    with pytest.raises(DomainError, match="circle"):
        check_chart(P[2], chart)


def test_two_people_may_lead_each_other_at_different_times() -> None:
    chart = {
        P[0]: (under(P[1], None, date(2025, 12, 31)),),
        P[1]: (under(P[0], date(2026, 1, 1), None),),
    }
    check_chart(P[1], chart)


def test_two_people_cannot_lead_each_other_on_one_common_day() -> None:
    chart = {
        P[0]: (under(P[1], None, date(2026, 1, 1)),),
        P[1]: (under(P[0], date(2026, 1, 1), None),),
    }
    with pytest.raises(DomainError):
        check_chart(P[1], chart)


@pytest.mark.parametrize("changed", [0, 25, 50])
def test_a_line_of_more_than_fifty_managers_is_refused_wherever_it_is_joined(changed: int) -> None:
    chart = {P[n]: (under(P[n + 1]),) for n in range(50)}
    check_chart(P[changed], chart)
    chart[P[50]] = (under(P[51]),)
    with pytest.raises(DomainError):
        check_chart(P[changed], chart)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_what_is_taken_never_has_a_circle(changes: list[tuple[int, int]]) -> None:
    chart: dict[PersonId, tuple[Membership, ...]] = {}
    for person, manager in changes:
        wanted = {**chart, P[person]: (under(P[manager]),)}
        try:
            check_memberships(P[person], wanted[P[person]])
            check_chart(P[person], wanted)
        except DomainError:
            continue
        chart = wanted
    for start in chart:
        at, steps = start, 0
        while at in chart:
            manager_id = chart[at][0].manager_id
            assert manager_id is not None
            at, steps = manager_id, steps + 1
            assert steps <= len(chart)
