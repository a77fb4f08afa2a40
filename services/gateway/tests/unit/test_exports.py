"""Answers become tables whose columns sum to what the answer says; a few of them at once."""

import asyncio
from decimal import Decimal

import pytest

from gateway.application.exports import TABLES
from gateway.entrypoints import exports
from gateway.entrypoints.exports import Exports
from onefunnel.clock import SystemClock
from onefunnel.http.problems import Problem
from onefunnel.runtime import ServiceResponse
from onefunnel.testing.waiting import until


def money(minor: int, currency: str = "EUR"):
    return {"amount_minor": minor, "currency": currency}


def table(operation: str, answer) -> list[dict]:
    of = TABLES[operation]
    return [dict(zip(of.columns, line, strict=True)) for line in of.lines(answer)]


def test_an_amount_has_the_digits_of_its_currency():
    items = [{"id": "1", "amount": money(-1250)}, {"id": "2", "amount": money(7, "JPY")},
             {"id": "3", "amount": money(1234, "BHD")}, {"id": "4", "amount": None}]  # fmt: skip
    rows = table("listDeals", {"items": items})
    assert [row["amount"] for row in rows] == [
        Decimal("-12.50"), Decimal(7), Decimal("1.234"), None,
    ]  # fmt: skip
    assert [row["amount_currency"] for row in rows] == ["EUR", "JPY", "BHD", None]


def test_a_step_with_two_currencies_is_counted_once_and_both_amounts_are_there():
    step = {"step": "won", "entered": 3, "amounts": [money(100), money(200, "USD")],
            "conversion": {"value": "0.250000", "numerator": 1}}  # fmt: skip
    answer = {"groups": [{"key": "p1", "steps": [step]}], "names": {"p1": "Anna"}}
    rows = table("getFunnel", answer)
    assert [row["entered"] for row in rows] == [3, None]
    assert [(row["amount"], row["amount_currency"]) for row in rows] == [
        (Decimal("1.00"), "EUR"), (Decimal("2.00"), "USD"),
    ]  # fmt: skip
    assert {row["name"] for row in rows} == {"Anna"}
    assert rows[0]["conversion"] == Decimal("0.250000")


def test_a_group_without_amounts_still_has_its_counts():
    group = {"key": None, "period": None, "counts": {"won": 0, "lost": 2}, "amounts": [],
             "win_rate": {"value": None, "numerator": 0}}  # fmt: skip
    (row,) = table("getSalesPerformance", {"groups": [group]})
    assert (row["counts.lost"], row["win_rate"], row["amounts.revenue"]) == (2, None, None)


def test_the_rows_of_a_statement_sum_to_its_total():
    line = {"deal": "d", "booked_on": "2026-01-02", "base": money(1000), "amount": money(100)}
    component = {"component": "margin", "plan_name": "P", "plan_version": 1, "lines": [line, line]}
    answer = {
        "payee": "p", "period": "2026-Q1", "components": [component],
        "retro": [{"component": "margin", "earned_period": "2025-Q4", "amount": money(-50)}],
        "adjustments": [{"earned_period": "2026-Q1", "amount": money(7)}],
    }  # fmt: skip
    rows = table("getStatement", answer)
    assert sum(row["amount"] for row in rows) == Decimal("1.57")
    assert [row["kind"] for row in rows] == ["line", "line", "retro", "adjustment"]


async def test_of_many_files_asked_for_at_once_a_few_are_made(monkeypatch):
    monkeypatch.setattr(exports, "MAX_AT_ONCE", 3)
    asked, go_on = [], asyncio.Event()

    async def ask(query: str) -> ServiceResponse:
        asked.append(query)
        await go_on.wait()
        return ServiceResponse(200, [], b'{"items":[],"next_cursor":null}')

    made = Exports(SystemClock())
    table = TABLES["listLeads"]
    waiting = [asyncio.create_task(made.answer(table, ask, "", witnessed)) for _ in range(1_000)]
    await until(lambda: sum(task.done() for task in waiting) == 997)
    assert len(asked) == 3
    go_on.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert {problem.code for problem in refused} == {"rate-limited"}
    for answer in answers:
        if not isinstance(answer, Problem):
            await answer({}, None, _sent)
    assert not isinstance(await made.answer(table, ask, "", witnessed), Problem)


async def test_a_file_that_is_refused_takes_no_place(monkeypatch):
    monkeypatch.setattr(exports, "MAX_AT_ONCE", 1)

    async def refuse(_query: str) -> ServiceResponse:
        return ServiceResponse(403, [], b"{}")

    made = Exports(SystemClock())
    for _ in range(3):
        answer = await made.answer(TABLES["listLeads"], refuse, "", witnessed)
        assert answer.status == 403


async def test_a_file_that_is_taken_in_too_slowly_breaks_off_and_makes_room(monkeypatch):
    monkeypatch.setattr(exports, "MAX_AT_ONCE", 1)
    monkeypatch.setattr(exports, "MAX_FILE_S", 0.01)

    async def ask(_query: str) -> ServiceResponse:
        return ServiceResponse(200, [], b'{"items":[],"next_cursor":null}')

    async def never(_message: object) -> None:
        await asyncio.Event().wait()

    made, table = Exports(SystemClock()), TABLES["listLeads"]
    for _ in range(2):
        file = await made.answer(table, ask, "", witnessed)
        with pytest.raises(TimeoutError):
            await file({}, None, never)


async def witnessed() -> None:
    """Write it down without a word."""


async def _sent(_message: object) -> None:
    return None
