"""A cell is what it was, for a strict reader; and never a formula, for a spreadsheet."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.csv_text import cell, line

FORMULAS = [
    *(f"{sign}1+1" for sign in "=+-@\t\r"), "\n=1", "＝1", "＋1", "－1", "＠SUM(A1)",
    "  =1", '"=1', "'=1", ' " =HYPERLINK("http://evil.example")', "\u00a0=1", "\u200e=1", "\u202e=1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_what_would_be_a_formula_begins_with_an_apostrophe(text):
    assert cell(text).startswith("\"'")


@pytest.mark.parametrize("text", ["Acme", "a=b", "1-2", "x@example.com", "", "É", "東京"])
def test_other_text_stays_as_it_is(text):
    assert cell(text) == f'"{text}"'


def test_numbers_are_numbers_also_below_zero():
    assert (
        line([-5, Decimal("-12.50"), Decimal("1E+3"), 0, True, None])
        == "-5,-12.50,1000,0,true,\r\n"
    )


@pytest.mark.parametrize("text", ['say "hi"', "a,b", "a\nb", "a\r\nb", "a;b"])
def test_what_needs_quotes_is_read_back_as_it_was(text):
    assert next(csv.reader(io.StringIO(line([text]), newline=""), strict=True)) == [text]


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\u202e", "\u2066", "\u200f"])
def test_what_is_not_seen_is_not_written(sign):
    assert cell(f"a{sign}b") == '"ab"'


@given(st.lists(st.text(), min_size=1))
def test_any_text_is_one_line_of_as_many_cells_and_none_is_a_formula(texts):
    read = list(csv.reader(io.StringIO(line(texts), newline=""), strict=True))
    assert len(read) == 1
    assert len(read[0]) == len(texts)
    for found in read[0]:
        assert found.strip(" \"'\u00a0\t\r\n")[:1] not in {"=", "+", "@", "＝"} or found[0] == "'"
