"""From text to exact values."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from standalone.imports import values
from standalone.imports.values import Notation, Unusable

PLAIN = Notation()
COMMA = Notation(decimal=",", thousands=".")


@pytest.mark.parametrize(
    ("cell", "notation", "expected"),
    [
        ("12.50", PLAIN, "12.50"),
        ("-0", PLAIN, "0"),
        ("+7", PLAIN, "7"),
        ("1.234,5", COMMA, "1234.5"),
        ("1 234", PLAIN, "1234"),
        ("0." + "1" * 20, PLAIN, "0." + "1" * 20),
    ],
)
def test_a_number_loses_a_digit(cell: str, notation: Notation, expected: str) -> None:
    assert values.number(cell, notation) == Decimal(expected)


@pytest.mark.parametrize(
    "cell", ["NaN", "Infinity", "1e5", "0x10", "12,50 €", "1.2.3", "", "--1", "١٢", "1_000"]
)
def test_what_is_no_number_is_guessed(cell: str) -> None:
    with pytest.raises(Unusable):
        values.number(cell, PLAIN)


def test_a_decimal_comma_is_refused_without_a_hint() -> None:
    with pytest.raises(Unusable, match="decimal: ','"):
        values.number("12,50", PLAIN)


def test_a_decimal_point_is_taken_where_the_comma_is_the_mark() -> None:
    with pytest.raises(Unusable):
        values.number("12.50", Notation(decimal=","))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("12.5", "EUR", 1250), ("12", "JPY", 12), ("1.234", "BHD", 1234), ("-3", "USD", -300)],
)
def test_minor_units_have_always_two_digits(amount: str, currency: str, minor: int) -> None:
    assert values.minor(Decimal(amount), currency) == minor


def test_a_fraction_of_a_cent_is_rounded_unasked() -> None:
    with pytest.raises(Unusable, match="2 decimal digits"):
        values.minor(Decimal("1.429999948"), "EUR")
    assert values.minor(Decimal("1.429999948"), "EUR", "ROUND_HALF_UP") == 143


def test_ten_to_the_sixteen_is_an_amount() -> None:
    with pytest.raises(Unusable, match="beyond the limit"):
        values.minor(Decimal(10**16), "EUR")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2017-03-01", "2017-03-01T00:00:00Z"),
        ("2018-02-26 19:58:54", "2018-02-26T19:58:54Z"),
        ("2018-02-26T19:58+02:00", "2018-02-26T17:58:00Z"),
        ("2018-02-26T19:58:00Z", "2018-02-26T19:58:00Z"),
    ],
)
def test_a_time_is_moved(cell: str, expected: str) -> None:
    assert values.instant(cell, PLAIN) == expected


def test_a_date_means_its_start_somewhere_else() -> None:
    there = Notation(zone=ZoneInfo("America/Sao_Paulo"))
    assert values.instant("2018-03-08", there) == "2018-03-08T03:00:00Z"
    assert values.day("2018-03-08", there) == "2018-03-08"


def test_the_order_of_date_formats_does_not_matter() -> None:
    assert values.instant("03/04/2018", Notation(dates=("%d/%m/%Y", "%m/%d/%Y"))).startswith(
        "2018-04-03"
    )


@pytest.mark.parametrize(
    "cell", ["2017-02-30", "20170301", "2017-W01-1", "01.02.2017", "0209-01-01", "9999-01-01", "x"]
)
def test_what_is_no_date_is_guessed(cell: str) -> None:
    with pytest.raises(Unusable):
        values.instant(cell, PLAIN)


@pytest.mark.parametrize("cell", ["0", "-1", "0.0", "NaN"])
def test_a_quantity_may_be_nothing(cell: str) -> None:
    with pytest.raises(Unusable):
        values.quantity(cell, PLAIN)


@pytest.mark.parametrize("cell", ["", " x", "Ünknown", "a" * 65, "a\nb", "a@b.example"])
def test_free_text_passes_for_a_code(cell: str) -> None:
    with pytest.raises(Unusable):
        values.code(cell)


@pytest.mark.parametrize(
    ("form", "fits"), [("%d/%m/%Y", True), ("%Y", False), ("%H:%M", False), ("%Q", False)]
)
def test_a_date_format_without_a_date_is_accepted(form: str, fits: bool) -> None:
    assert values.is_date_format(form) is fits
