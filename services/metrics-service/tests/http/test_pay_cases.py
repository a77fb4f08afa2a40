"""The worked compensation cases, to the cent, as statements and book show them."""

import pytest

from .pay_cases import CaseRun, case

PLAIN = ("P01", "P02", "P04", "P05", "P12", "P13", "P18", "P29")
SCENARIOS = ("revenue", "margin", "average_margin")


def scenarios():
    for key in PLAIN:
        yield pytest.param((key, None), id=key)
    for name in SCENARIOS:
        yield pytest.param(("P03", name), id=f"P03-{name}")


@pytest.fixture(params=scenarios())
async def run(request, metrics):
    key, scenario = request.param
    found = case(key)
    if scenario:
        chosen = next(s for s in found["scenarios"] if s["name"] == scenario)
        found = {**found, **chosen, "expect": found["expect"][scenario]}
    return await CaseRun(metrics, found).play()


async def test_the_case_comes_out_to_the_cent(run):
    await the_book_and_the_statements_say_what_the_case_says(run)
    await lines_are_the_case_s_lines(run)
    await lines_sum_to_the_total_and_the_book(run)
    await every_line_says_in_words_what_it_pays(run)
    await attainment_is_exact(run)


async def the_book_and_the_statements_say_what_the_case_says(run):
    expect = run.case["expect"]
    for name, components in expect.get("earned", {}).items():
        for component, periods in components.items():
            assert await run.earned(name, component) == periods
    for name, total in {**expect.get("totals", {}), **expect.get("ledger_total", {})}.items():
        entries = await run.ledger(name)
        assert sum(entry["amount"]["amount_minor"] for entry in entries) == total
    for name, periods in expect.get("postings", {}).items():
        for period, posted in periods.items():
            (totals,) = (await run.statement(name, period))["totals"]
            assert totals["earned"]["amount_minor"] == posted["current"]
            assert totals["retro"]["amount_minor"] == posted["retro"]


async def lines_are_the_case_s_lines(run):
    expect = run.case["expect"]
    wanted = expect.get("lines") or expect.get("credited") or {}
    field = "amount" if "lines" in expect else "base"
    for name, components in wanted.items():
        stated = (await run.statement(name, "2026-01"))["components"]
        for component, lines in components.items():
            (found,) = [c for c in stated if c["component"] == component]
            assert {
                run.name_of(one["deal"]): one[field]["amount_minor"] for one in found["lines"]
            } == lines


async def lines_sum_to_the_total_and_the_book(run):
    for name in run.people:
        for period in ("2026-01", "2026-02"):
            found = await run.statement(name, period)
            for component in found["components"]:
                lines = sum(one["amount"]["amount_minor"] for one in component["lines"])
                assert lines == component["total"]["amount_minor"]
            for check in found["checks"]:
                assert check["posted"] == check["lines"]


async def every_line_says_in_words_what_it_pays(run):
    for name in run.people:
        for component in (await run.statement(name, "2026-01"))["components"]:
            for one in component["lines"]:
                amount = one["amount"]["amount_minor"]
                assert f"{amount / 100:,.2f}" in one["sentence"]


async def attainment_is_exact(run):
    for name, keys in run.case["expect"].get("attainment", {}).items():
        for key, value in keys.items():
            component, period, _plan = key.split("@")
            answer = await run.metrics.get(
                "/v1/compensation/attainment", payee=str(run.people[name]), period=period
            )
            (item,) = [i for i in answer["items"] if i["component"] == component]
            assert item["attainment"]["value"] == value
