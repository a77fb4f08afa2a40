"""Metrics: exact text, honest intervals, and a reason where there is nothing to divide by."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_service.application.metric import (
    Basis,
    Window,
    exact_text,
    quantile,
    rate,
    share,
    wilson,
)
from onefunnel.testing.shared_files import shared_path

BASIS = Basis("cohort", "default v1", Window(date(2026, 1, 1), date(2026, 2, 1)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 3), "0.333333"),
        (Fraction(2, 3), "0.666667"),
        (Fraction(-1, 3), "-0.333333"),
        (Fraction(17, 10), "1.700000"),
        (Fraction(1), "1.000000"),
        (Fraction(10**9 - 1, 10**9), "0.999999"),
        (Fraction(10**9 + 1, 10**9), "1.000000"),
        (Fraction(0), "0.000000"),
    ],
)
def test_a_value_has_six_decimals_and_is_never_rounded_up_to_one(value, text):
    assert exact_text(value) == text


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_a_value_is_never_further_off_than_its_last_digit(numerator, denominator):
    value = Fraction(numerator, denominator)

    assert abs(Fraction(exact_text(value)) - value) < Fraction(1, 10**6)
    assert (Fraction(exact_text(value)) >= 1) == (value >= 1)


def test_intervals_are_those_of_the_vectors():
    vectors = json.loads(shared_path("cases/formulas/vectors.json").read_text())["wilson95"]
    for vector in vectors:
        if vector["n"]:
            found = wilson(vector["k"], vector["n"])
            assert float(found.low) == pytest.approx(vector["lo"], abs=1e-6)
            assert float(found.high) == pytest.approx(vector["hi"], abs=1e-6)


@given(st.integers(1, 10**6), st.data())
def test_an_interval_holds_its_rate_and_stays_between_nothing_and_all(n, data):
    successes = data.draw(st.integers(0, n))

    found = wilson(successes, n)

    low, high, value = Decimal(found.low), Decimal(found.high), Decimal(successes) / n
    assert Decimal(0) <= low <= value + Decimal("0.000001")
    assert value - Decimal("0.000001") <= high <= Decimal(1)


def test_nothing_over_nothing_has_no_value_and_a_reason():
    found = rate(0, 0, BASIS)

    assert (found.value, found.reason, found.interval) == (None, "zero-denominator", None)


def test_a_flow_above_one_has_no_interval():
    found = rate(3, 2, BASIS)

    assert (found.value, found.interval) == ("1.500000", None)


def test_a_ratio_of_amounts_has_no_interval():
    found = share(-50, 200, BASIS, n=3)

    assert (found.value, found.numerator, found.n, found.interval) == ("-0.250000", -50, 3, None)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_a_quantile_is_the_nearest_rank(values):
    counts = {value: values.count(value) for value in values}
    ordered = sorted(values)

    for percent in (50, 90, 100):
        rank = -(-len(values) * percent // 100)
        assert quantile(counts, Fraction(percent, 100)) == ordered[rank - 1]
