"""Amounts and rates as people write them."""

from fractions import Fraction

import pytest

from metrics_service.application.words import (
    decimal_text,
    exact_money_text,
    joined,
    money_text,
    percent_text,
    plural,
)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_456_789, "USD", "USD 1,234,567.89"),
        (-5, "EUR", "EUR -0.05"),
        (0, "USD", "USD 0.00"),
        (1_500, "JPY", "JPY 1,500"),
        (1_500, "KWD", "KWD 1.500"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount, currency, text):
    assert money_text(amount, currency) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Fraction(80_041, 1_000), "USD 0.80041"),
        (Fraction(50), "USD 0.50"),
        (Fraction(-1, 2), "USD -0.005"),
        (Fraction(100, 3), "USD 0.333333…"),
        (Fraction(-200, 3), "USD -0.666667…"),
        (Fraction(123_456_700), "USD 1,234,567.00"),
    ],
)
def test_an_exact_amount_keeps_every_digit_it_has(amount, text):
    assert exact_money_text(amount, "USD") == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Fraction(75, 1000), "7.5 %"),
        (Fraction(1), "100 %"),
        (Fraction(1, 3), "33.333333… %"),
        (Fraction(-9), "-900 %"),
    ],
)
def test_a_rate_is_a_percentage(rate, text):
    assert percent_text(rate) == text


def test_a_fraction_that_never_ends_stays_a_fraction():
    assert decimal_text(Fraction(10_000, 31)) == "10000/31"
    assert decimal_text(Fraction(1, 8)) == "0.125"
    assert decimal_text(Fraction(100_000)) == "100000"


def test_phrases_are_joined_as_in_a_sentence():
    assert joined([]) == ""
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert [plural(n, "line") for n in (0, 1, 2)] == ["0 lines", "1 line", "2 lines"]
