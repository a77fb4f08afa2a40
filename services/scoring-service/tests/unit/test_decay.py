"""Decay against printed numbers, and against floating point as a second opinion."""

import json
import math
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from onefunnel.testing.shared_files import shared_path
from scoring_service.domain.decay import cools_below_in_days, decayed, forgotten, left_of


def test_points_halve_in_each_half_life():
    assert [decayed(20, age_days=age, half_life_days=14) for age in (0, 14, 28)] == [20, 10, 5]


def test_the_printed_score_is_reached_to_its_last_digit():
    parts = [(20, 7), (5, 0), (30, 28)]
    found = sum(decayed(points, age_days=age, half_life_days=14) for points, age in parts)
    assert found == Decimal("26.642136")
    exact = sum(left_of(points, age_days=age, half_life_days=14) for points, age in parts)
    assert cools_below_in_days(exact, Decimal(20), half_life_days=14) == Decimal("5.791936")


def test_the_vectors_of_the_domain_page_are_reached():
    vector = json.loads(shared_path("cases/formulas/vectors.json").read_text())["decay"]
    life = vector["half_life_days"]
    found = sum(
        decayed(e["points"], age_days=e["age"], half_life_days=life) for e in vector["events"]
    )
    assert found == Decimal(str(vector["score"]))
    cools = vector["cools_below"]
    exact = sum(
        left_of(e["points"], age_days=e["age"], half_life_days=life) for e in vector["events"]
    )
    days = cools_below_in_days(exact, Decimal(cools["threshold"]), half_life_days=life)
    assert days == Decimal(str(cools["days"]))


@given(
    st.integers(-1000, 1000), st.integers(0, 2000), st.integers(1, 400)
)  # floats are good to far more than six places here
def test_decay_agrees_with_floating_point(points, age, half_life):
    found = decayed(points, age_days=age, half_life_days=half_life)
    assert math.isclose(float(found), points * 2 ** (-age / half_life), abs_tol=1e-6)
    assert found == round(found, 6)


def test_a_score_below_its_threshold_does_not_cool_below_it_again():
    assert cools_below_in_days(Decimal(19), Decimal(20), half_life_days=14) is None
    assert cools_below_in_days(Decimal(19), Decimal(0), half_life_days=14) is None


def test_points_are_forgotten_after_ten_half_lives():
    assert not forgotten(age_days=140, half_life_days=14)
    assert forgotten(age_days=141, half_life_days=14)
