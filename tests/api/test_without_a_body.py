"""Writes that take no body: the same key is the same answer, and no body or key of whatever sort is our mistake."""

import json
from typing import Any, Final

import pytest

from gateway.main import checked_in_document
from onefunnel.ids import new_id

from .stage import Stage
from .things import Things

KEYED: Final = "Idempotency-Key"
JSON: Final = {"content-type": "application/json"}


def without_a_body() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and operation of every write that takes none."""
    return [
        (method.upper(), path, operation)
        for path, item in checked_in_document()["paths"].items()
        for method, operation in item.items()
        if method != "get" and "requestBody" not in operation
    ]


def target_of(path: str) -> str:
    """Return a path with something in its braces that is not there."""
    parts = (str(new_id()) if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def _name(value: object) -> str:
    return value["operationId"] if isinstance(value, dict) else ""


@pytest.mark.parametrize(("method", "path", "operation"), without_a_body(), ids=_name)
@pytest.mark.parametrize("body", [b"{", b'{"a":1}', b"\xff"], ids=["cut", "field", "no-text"])
def test_a_body_nobody_asked_for_is_no_mistake_of_ours(
    stage: Stage, method: str, path: str, operation: dict[str, Any], body: bytes
) -> None:
    headers = {**JSON, "idempotency-key": str(new_id())}
    before = stage.rows()
    answer = stage.ask(method, target_of(path), headers=headers, body=body)
    # What is not there may be said first, and some paths cannot be at all.
    assert answer.status in {400, 404, 422}, answer.body
    assert str(answer.status) in operation["responses"]
    assert stage.rows() == before


@pytest.mark.parametrize(
    ("role", "target", "names"),
    [
        # of the gateway itself, and of a service behind it
        ("admin", "/v1/connections/#/pause", ("connection", "another connection")),
        (
            "una",
            "/v1/compensation/adjustments/#/approve",
            ("proposal of eli", "second proposal of eli"),
        ),
    ],
)
def test_a_repeat_is_answered_as_before_and_a_key_is_of_one_target(
    stage: Stage, things: Things, role: str, target: str, names: tuple[str, str]
) -> None:
    one, other = (target.replace("#", things[name]) for name in names)
    assert things["una"], "who approves it has a key"
    headers = {"idempotency-key": "the-same"}
    made = stage.ask("POST", one, headers=headers, role=role)
    again = stage.ask("POST", one, headers=headers, role=role)
    elsewhere = stage.ask("POST", other, headers=headers, role=role)
    assert (made.status, again.status) == (200, 200), made.body
    assert again.body == made.body
    assert (b"idempotent-replayed", b"true") in again.headers
    assert json.loads(elsewhere.body)["code"] == "idempotency-key-reused"


def test_every_such_write_keeps_answers_but_those_that_say_why_not() -> None:
    unkeyed = {
        operation["operationId"]
        for _, _, operation in without_a_body()
        if KEYED not in {one["name"] for one in operation.get("parameters", ())}
    }
    # A sample that is sent, and what is settled and stays so: see `unkeyed` where they are declared.
    assert unkeyed == {
        "testConnection", "discardDeadLetter", "redriveDeadLetter", "resumePartition",
    }  # fmt: skip
