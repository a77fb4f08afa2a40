"""Exact money, aligned tables, honest progress."""

import io

import pytest

from standalone.console.answers import days, label, money_of, rate_of
from standalone.console.money import show
from standalone.console.progress import Progress
from standalone.console.tables import show_table


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (123456789, "EUR", "1,234,567.89"),
        (-5, "USD", "-0.05"),
        (0, "EUR", "0.00"),
        (1234, "JPY", "1,234"),
        (1234, "BHD", "1.234"),
        (10**15, "EUR", "10,000,000,000,000.00"),
    ],
)
def test_money_is_rounded_or_has_the_wrong_digits(minor: int, currency: str, shown: str) -> None:
    assert show(minor, currency) == shown


def test_nothing_is_shown_as_nought() -> None:
    assert money_of(None) == rate_of(None) == days(None) == "–"
    assert rate_of({"value": None}) == "–"


def test_a_rate_is_cut_instead_of_rounded() -> None:
    assert rate_of({"value": "0.643674"}) == "64.37 %"
    assert rate_of({"value": "1.000050"}) == "100.01 %"


def test_an_id_is_shown_though_its_name_is_known() -> None:
    answer = {"names": {"a": "Ada"}}
    assert [label(answer, key) for key in ("a", "b", "", None)] == ["Ada", "b", "(none)", "all"]


def test_columns_do_not_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["name", "n"], [["Ada", "1"], ["Bo", "1,000"]], ["<", ">"])
    assert capsys.readouterr().out == "name      n\n────  ─────\nAda       1\nBo    1,000\n"


def test_a_job_that_nobody_watches_draws_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    out = io.StringIO()
    progress = Progress("importing", 100, "rows", out)
    for _ in range(4):
        now[0] += 4
        progress.add(10)
    progress.finish()
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert "30 of 100 rows" in lines[0]
    assert "\r" not in out.getvalue()
