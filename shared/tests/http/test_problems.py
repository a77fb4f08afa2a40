"""The published problem types: every code that is raised is one, and each says what to do."""

import ast
from pathlib import Path

import orjson
import pytest

from onefunnel.errors import DomainError, ErrorKind, broken_rule, conflict, invalid, not_found
from onefunnel.http.problems import (
    PROBLEMS,
    STATUS_OF,
    FieldError,
    Problem,
    body_of,
    described,
    problem_response,
)

ROOT = Path(__file__).parents[3]


def raised() -> list[tuple[str, str]]:
    """Return every code that the sources write down, with its place."""
    found = []
    for path in (*ROOT.glob("shared/onefunnel/**/*.py"), *ROOT.glob("services/*/*/**/*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            if node.func.id in {"DomainError", "Problem"} and node.args:
                found += [(a.value, place) for a in node.args[:1] if isinstance(a, ast.Constant)]
            if node.func.id == "conflict":
                found += [
                    (k.value.value, place)
                    for k in node.keywords
                    if k.arg == "code" and isinstance(k.value, ast.Constant)
                ]
    return found


def test_every_code_that_is_raised_is_published():
    codes = raised()
    assert len(codes) > 20
    unpublished = sorted({(code, place) for code, place in codes if code not in PROBLEMS})
    assert not unpublished, f"add them to PROBLEMS with what people should do: {unpublished}"


# Of the catalogue of bad input, where ours is another answer: `docs/bad-input.md`, groups 48, 49 and 51.
# Published, so that whoever met one of them elsewhere is told what it means.
NEVER_GIVEN = {"event-conflict", "idempotency-key-required", "unknown-event-type"}


def test_every_published_code_is_given_somewhere_or_named_here():
    assert PROBLEMS.keys() - {code for code, _ in raised()} == NEVER_GIVEN


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_type_says_what_it_means_and_what_to_do(code):
    known = PROBLEMS[code]
    assert 400 <= known.status < 600
    assert known.title
    assert known.remedy.endswith(".")
    assert described(code)["type"] == f"/problems/{code}"


def test_every_kind_of_error_has_one_status():
    assert set(STATUS_OF) == set(ErrorKind)
    errors = [not_found("lead"), conflict("x"), broken_rule("x"), invalid("x")]
    assert [problem_response(e).status_code for e in errors] == [404, 409, 422, 422]


def test_a_code_that_is_not_published_still_has_its_kinds_status():
    error = DomainError("something-new", "x", kind=ErrorKind.CONFLICT)
    assert problem_response(error).status_code == 409


def test_a_pointer_becomes_an_error_of_the_list():
    body = body_of(invalid("must be positive", pointer="/amount"), "r1")
    assert body["errors"] == [
        {"pointer": "/amount", "code": "validation-failed", "detail": "must be positive"}
    ]
    assert body["instance"] == "/requests/r1"


def test_whoever_should_come_back_is_told_when():
    assert problem_response(Problem("rate-limited", "x")).headers["retry-after"] == "1"
    assert problem_response(Problem("projection-behind", "x")).headers["retry-after"] == "1"
    assert "retry-after" not in problem_response(Problem("conflict", "x")).headers


def test_members_of_its_own_never_hide_the_standard_ones():
    problem = Problem("projection-behind", "x", more={"lag_events": 3, "status": 200})
    body = orjson.loads(problem_response(problem).body)
    assert body["lag_events"] == 3
    assert body["status"] == 503


def test_a_field_error_is_a_place_a_code_and_a_sentence():
    problem = Problem("validation-failed", "x", errors=[FieldError("/a", "missing", "is needed")])
    assert body_of(problem)["errors"] == [
        {"pointer": "/a", "code": "missing", "detail": "is needed"}
    ]
