"""What one caller may ask, second by second."""

import pytest

from gateway.domain.quota import Quota


def taken(quota: Quota, times: int, at: float, name: str = "a") -> list[bool]:
    return [quota.take(name, at).admitted for _ in range(times)]


def test_as_many_as_are_granted_pass_at_once_and_then_none():
    assert taken(Quota(3, 60), 5, 100.0) == [True, True, True, False, False]


def test_what_was_used_comes_back_steadily():
    quota = Quota(3, 60)
    taken(quota, 3, 0.0)
    assert taken(quota, 2, 19.9) == [False, False]
    assert taken(quota, 2, 20.0) == [True, False]
    assert taken(quota, 4, 80.0) == [True, True, True, False]


def test_no_window_has_an_edge_where_twice_as_many_pass():
    quota = Quota(10, 60)
    admitted = sum(taken(quota, 10, 59.9)) + sum(taken(quota, 10, 60.1))
    assert admitted == 10


def test_a_refusal_costs_nothing_and_says_when_to_come_back():
    quota = Quota(2, 60)
    taken(quota, 2, 0.0)
    first, second = quota.take("a", 10.0), quota.take("a", 10.0)
    assert first == second
    assert (first.remaining, first.retry_in_s) == (0, 20)
    assert quota.take("a", 10.0 + first.retry_in_s).admitted


def test_what_is_left_is_counted_down():
    quota = Quota(3, 60)
    assert [quota.take("a", 0.0).remaining for _ in range(3)] == [2, 1, 0]
    assert quota.take("b", 0.0).full_in_s == 20


def test_everybody_has_a_bucket_of_their_own():
    quota = Quota(1, 60)
    assert taken(quota, 2, 0.0, "a") == [True, False]
    assert taken(quota, 2, 0.0, "b") == [True, False]


@pytest.mark.parametrize("names", [2, 3])
def test_names_are_forgotten_when_there_are_too_many_the_quietest_first(names):
    quota = Quota(1, 60, max_names=names)
    for number in range(names + 1):
        quota.take(str(number), 0.0)
    assert quota.take("0", 0.0).admitted
    assert not quota.take(str(names), 0.0).admitted
