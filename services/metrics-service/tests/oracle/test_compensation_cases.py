"""The published compensation cases, where they are present: facts in any order, each twice."""

import json
from typing import Any

import pytest

from onefunnel.testing.shared_files import shared_path

from .compensation import Case

WANTED = [
    *("P01", "P02", "P03", "P04", "P05", "P07", "P08", "P12", "P13"),
    *("P18", "P19", "P23", "P27", "P29", "P30", "P32", "P36"),
]
ELSEWHERE = {"original_rate", "current_period_credit"}  # clawback modes of the full plan language


def scenarios(number: str) -> list[tuple[Case, dict[str, Any]]]:
    cases = json.loads(shared_path("cases/compensation/cases.json").read_text())["cases"]
    case = next(case for case in cases if case["id"] == number)
    if "scenarios" not in case:
        return [(Case(case), case["expect"])]
    return [
        (Case(case, scenario), case["expect"][scenario["name"]])
        for scenario in case["scenarios"]
        if scenario["name"] not in ELSEWHERE
    ]


def without_zeros(expected: dict[str, Any], name: str) -> dict[str, Any]:
    """A period in which nothing is owed has no ledger entry."""
    if name != "earned":
        return expected
    return {
        person: {
            component: {period: amount for period, amount in periods.items() if amount}
            for component, periods in components.items()
        }
        for person, components in expected.items()
    }


@pytest.mark.parametrize("number", WANTED)
def test_a_published_case_comes_out_to_the_cent_in_any_order(number: str) -> None:
    for case, expected in scenarios(number):
        for seed in range(5):
            fold = case.in_any_order(seed)
            answers = {
                "earned": case.earned,
                "totals": case.totals,
                "lines": case.lines,
                "credited": lambda fold, case=case: case.lines(fold, "base"),
                "attainment": case.attainment,
            }
            for name in expected.keys() & answers.keys():
                assert answers[name](fold) == without_zeros(expected[name], name)


@pytest.mark.parametrize("number", ["P18", "P19", "P30", "P36"])
def test_a_published_case_is_posted_where_it_says(number: str) -> None:
    for case, expected in scenarios(number):
        fold = case.as_recorded()
        postings = {
            person: {
                period: row for period, row in periods.items() if row["current"] or row["retro"]
            }
            for person, periods in case.postings(fold).items()
        }
        assert postings == expected["postings"]
        assert case.totals(fold) == expected["ledger_total"]


@pytest.mark.parametrize("number", WANTED)
def test_the_lines_of_a_published_case_sum_to_what_is_owed(number: str) -> None:
    for case, _expected in scenarios(number):
        fold = case.in_any_order(1)
        for _person, one in case.statements(fold):
            assert sum(line.amount_minor for line in one.lines) == one.total_minor
