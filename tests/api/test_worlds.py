"""Whoever asks in whatever company sees what a second reader says: lists, single things, pages, files.

`WORLDS` is how many companies are made, from `WORLD_SEED` on; the short run has a few.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from gateway.application.catalogue import Operation, operations_of
from gateway.main import checked_in_document
from onefunnel.runtime import ServiceResponse

from .rights_interpreter import FILE, Interpreter
from .stage import Stage
from .worlds.chart import days_of
from .worlds.truth import Truth
from .worlds.world import Who, World, fold, made_world

WORLDS: Final = int(os.environ.get("WORLDS", "4"))
SEED: Final = int(os.environ.get("WORLD_SEED", "1"))
NOWHERE: Final = "01a20338-a301-731c-a561-4da147c5d0c7"
NO_SUCH_FIELD: Final = {"no such field": 1}
PAY: Final = "/v1/compensation"

# Of each list: its path, the resource of the matrix, and the kind of things in it.
LISTS: Final = {
    "lead": ("/v1/leads", "lead"),
    "deal": ("/v1/deals", "deal"),
    "activity": ("/v1/activities", "activity"),
    "assignment": (f"{PAY}/assignments", "plan"),
    "adjustment": (f"{PAY}/adjustments", "adjustment"),
}
SINGLE: Final = {"{lead_id}": "lead", "{deal_id}": "deal", "{assignment_id}": "assignment"}
OPERATIONS: Final = [
    (kind, operation)
    for operation in operations_of(checked_in_document())
    for brace, kind in SINGLE.items()
    if brace in operation.path
]


@pytest.fixture(scope="module")
def worlds(stage: Stage) -> list[Truth]:
    made = [made_world(stage, SEED + number) for number in range(WORLDS)]
    fold(stage, made)
    return [Truth(world, Interpreter(FILE.read_text())) for world in made]


def callers(worlds: list[Truth]) -> Iterator[tuple[Truth, World, Who]]:
    for truth in worlds:
        for who in truth.world.callers:
            yield truth, truth.world, who


def pages(world: World, who: Who, path: str, limit: int) -> list[dict[str, Any]]:
    """Follow a list to its end; no page holds more than it was asked for, and none but the last fewer."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = urlencode({"limit": limit, **({"cursor": cursor} if cursor else {})})
        answer = world.ask(who.key, "GET", f"{path}{'&' if '?' in path else '?'}{more}")
        assert answer.status == 200, answer.body
        page = json.loads(answer.body)
        cursor = page["next_cursor"]
        assert len(page["items"]) == limit or cursor is None
        found += page["items"]
    return found


def told(answer: ServiceResponse) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
    """Return what a caller can tell of an answer, without what is new in every one."""
    body = json.loads(answer.body)
    kept = {key: value for key, value in body.items() if key not in {"instance", "request_id"}}
    headers = sorted(h for h in answer.headers if h[0] not in {b"content-length", b"ratelimit"})
    return answer.status, kept, [h for h in headers if not h[0].startswith(b"x-")]


def test_a_list_holds_what_its_caller_may_see_page_by_page_and_as_a_file(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        for kind, (path, resource) in LISTS.items():
            status = world.ask(who.key, "GET", path).status
            assert status == truth.list_status(who, resource), (who, path)
            if status != 200:
                continue
            whole = [item["id"] for item in pages(world, who, path, 200)]
            assert set(whole) == truth.listed(who, kind, resource), (who, path)
            assert len(whole) == len(set(whole))
            by_page = pages(world, who, path, world.random.randint(1, 4))
            assert [item["id"] for item in by_page] == whole
            if kind in {"lead", "deal"}:
                file = world.ask(who.key, "GET", path, accept="text/csv")
                assert file.status == truth.list_status(who, resource, "export"), (who, path)
                rows = csv.DictReader(io.StringIO(file.body.decode(), newline=""), strict=True)
                assert file.status == 403 or [row["id"] for row in rows] == whole


def test_a_filter_narrows_a_list_and_shows_nothing_that_is_not_in_it(worlds: list[Truth]) -> None:
    for truth, world, who in callers(worlds):
        owner = world.random.choice(world.people)
        for kind, things in (("lead", world.leads), ("deal", world.deals)):
            if truth.list_status(who, kind) != 200:
                continue
            found = pages(world, who, f"/v1/{kind}s?owner={owner}", 2)
            seen = truth.listed(who, kind, kind)
            assert {item["id"] for item in found} == {i for i in seen if things[i] == owner}


def test_a_thing_is_there_for_whoever_finds_it_in_the_list_and_for_nobody_else(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        for kind, things in (("lead", world.leads), ("deal", world.deals)):
            listed = truth.listed(who, kind, kind)
            nowhere = told(world.ask(who.key, "GET", f"/v1/{kind}s/{NOWHERE}"))
            for id_ in things:
                answer = world.ask(who.key, "GET", f"/v1/{kind}s/{id_}")
                assert answer.status == (200 if id_ in listed else 404), (who, kind, id_)
                assert answer.status == 200 or told(answer) == nowhere


def test_what_is_denied_is_403_where_the_thing_is_seen_and_404_where_it_is_not(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        for kind, operation in world.random.sample(OPERATIONS, 12):
            every = {"lead": world.leads, "deal": world.deals, "assignment": world.assignments}[
                kind
            ]
            id_ = world.random.choice(sorted(every))
            relations = truth.relations(who, kind, id_)
            expected = truth.answer(who, operation.resource, operation.action, relations)
            answer = _asked(world, who, operation, kind, id_)
            assert (answer.status if answer.status in {403, 404} else 200) == expected, (
                who, operation.operation_id, relations, answer.body,
            )  # fmt: skip
            if expected == 404:
                assert told(answer) == told(_asked(world, who, operation, kind, NOWHERE))


def test_a_number_counts_and_explains_what_was_of_those_whom_its_reader_saw_that_day(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        days = urlencode({"from": f"{world.months[0]}-01", "to": world.today.isoformat()})
        answer = world.ask(who.key, "GET", f"/v1/sales-performance?{days}")
        assert answer.status == truth.list_status(who, "metrics"), (who, answer.body)
        if answer.status == 200:
            found = sum(g["counts"]["opened"] for g in json.loads(answer.body)["groups"])
            assert found == len(truth.counted(who, "metrics")), who
        path = f"/v1/explain?metric=sales.created&{days}"
        assert world.ask(who.key, "GET", path).status == truth.list_status(who, "explanation")
        if truth.list_status(who, "explanation") == 200:
            explained = {item["id"] for item in pages(world, who, path, 3)}
            assert explained == truth.counted(who, "explanation"), who


def test_an_assignment_is_ended_by_nobody_whom_it_pays_on_one_of_its_days(
    worlds: list[Truth],
) -> None:
    (end,) = (o for _, o in OPERATIONS if o.operation_id == "endAssignment")
    for truth, world, who in callers(worlds):
        for id_ in world.assignments:
            relations = truth.relations(who, "assignment", id_)
            expected = truth.answer(who, end.resource, end.action, relations)
            answer = _asked(world, who, end, "assignment", id_)
            found = answer.status if answer.status in {403, 404} else 200
            assert found == expected, (who, world.assignments[id_], relations)


def _asked(world: World, who: Who, operation: Operation, kind: str, id_: str) -> ServiceResponse:
    """Do something to one thing that no body allows: nothing is changed by asking."""
    path = operation.path.replace(f"{{{kind}_id}}", id_)
    body = None if operation.method == "GET" else NO_SUCH_FIELD
    return world.ask(who.key, operation.method, path, body)


def test_pay_is_there_for_whoever_had_its_payee_on_every_day_of_its_month(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        asked = [(person, month) for person in world.people for month in world.months]
        for person, month in world.random.sample(asked, 6):
            query = urlencode({"payee": person, "period": month})
            answer = world.ask(who.key, "GET", f"{PAY}/statements?{query}")
            if truth.list_status(who, "statement") != 200:
                expected = truth.list_status(who, "statement")
            else:
                expected = 200 if truth.pay(who, "statement", person, month) else 404
            assert answer.status == expected, (who, person, month, answer.body)


def test_the_book_and_the_quotas_hold_the_months_that_their_reader_sees(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        if truth.list_status(who, "ledger") == 200:
            rows = pages(world, who, f"{PAY}/ledger", 3)
            seen = {(row["payee"], row["posted_period"]) for row in rows}
            assert seen <= {pair for pair in truth.postings() if truth.pay(who, "ledger", *pair)}
            sums: Counter[tuple[str, str]] = Counter()
            for row in rows:
                sums[row["payee"], row["posted_period"]] += row["amount"]["amount_minor"]
            assert {p for p in truth.postings() if truth.pay(who, "ledger", *p)} <= set(sums), who
        if truth.list_status(who, "quota") == 200:
            found = {item["id"] for item in pages(world, who, f"{PAY}/quotas", 3)}
            assert found == {i for i, q in world.quotas.items() if truth.pay(who, "quota", *q)}


def test_attainment_names_the_people_whose_quota_its_reader_sees_and_nobody_for_groups(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        for month in world.months:
            answer = world.ask(who.key, "GET", f"/v1/quota-attainment?period={month}")
            assert answer.status == truth.list_status(who, "attainment"), (who, answer.body)
            if answer.status != 200:
                continue
            named = {item["person"] for item in json.loads(answer.body)["items"]}
            quotas = {person for person, of in world.quotas.values() if of == month}
            seen = {p for p in quotas if truth.pay(who, "attainment", p, month)}
            assert named == (set() if truth.grouped(who, "attainment") else seen), who


def test_an_adjustment_is_approved_by_a_second_person_whom_it_does_not_pay(
    worlds: list[Truth],
) -> None:
    for truth, world, who in callers(worlds):
        for id_ in world.random.sample(sorted(world.adjustments), min(3, len(world.adjustments))):
            about = world.adjustments[id_]
            relations = truth.relations(who, "adjustment", id_)
            expected = truth.answer(who, "adjustment", "approve", relations)
            if expected == 200 and who.person in {None, about.person}:
                expected = 403
            elif expected == 200 and about.status != "proposed":
                expected = 409
            elif expected == 200 and not truth.may_decide(who, about):
                expected = 403
            answer = world.ask(who.key, "POST", f"{PAY}/adjustments/{id_}/approve")
            assert answer.status == expected, (who, about, answer.body)
            if answer.status == 200:
                about.status = "approved"


def test_an_adjustment_is_proposed_by_whoever_had_its_payee_on_its_day(worlds: list[Truth]) -> None:
    proposed = 0
    for truth, world, who in callers(worlds):
        for person in world.random.sample(world.people, 4):
            day = days_of(world.months[0])[0] + timedelta(days=world.random.randint(0, 58))
            relation = world.chart.relation(who.person, person, day)
            if not truth.file.named(who.role, "adjustment", "create"):
                expected = 403
            else:
                expected = truth.answer(who, "adjustment", "create", {relation})
                expected = 403 if expected == 200 and who.person is None else expected
            amount = {"amount_minor": 100, "currency": "EUR"}
            body = {"person": person, "at": f"{day}T12:00:00Z", "amount": amount, "reason": "fair"}
            answer = world.ask(who.key, "POST", f"{PAY}/adjustments", body)
            assert answer.status == (201 if expected == 200 else expected), (who, person, day)
            if answer.status == 201:
                proposed += 1
                found = json.loads(answer.body)
                assert found["status"] == "proposed"
                listed = {item["id"] for item in pages(world, who, f"{PAY}/adjustments", 200)}
                assert found["id"] in listed, "whoever proposes sees what they proposed"
    assert proposed
