"""The API's own description: complete enough to write a client from it alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.application.catalogue import METHODS
from gateway.main import checked_in_document
from onefunnel.http.problems import PROBLEMS

DOCUMENT = checked_in_document()
OPERATIONS = {
    f"{method.upper()} {path}": described
    for path, item in DOCUMENT["paths"].items()
    for method, described in item.items()
    if method in METHODS
}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_whatever_is_referred_to_is_there():
    missing = {
        reference
        for reference in references(DOCUMENT)
        if reference.split("/")[-1] not in DOCUMENT["components"][reference.split("/")[-2]]
    }
    assert missing == set()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_a_name_a_sentence_an_example_and_its_problems(name):
    operation = OPERATIONS[name]
    assert re.fullmatch(r"[a-z][A-Za-z0-9]*", operation["operationId"])
    assert operation["description"].strip().endswith(".")
    assert operation["tags"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    assert body is None or body["example"] is not None
    codes = {
        code
        for response in operation["responses"].values()
        if "$ref" in response
        for code in response["$ref"].split("/")[-1].split("_")
    }
    assert codes <= PROBLEMS.keys()
    public = operation["x-onefunnel"].get("public", False)
    assert public or {"unauthenticated", "forbidden"} <= codes
    assert "{" not in name or "not-found" in codes


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_answer_is_described_with_its_shape_and_an_example(name):
    answers = {s: a for s, a in OPERATIONS[name]["responses"].items() if s.startswith("2")}
    assert answers
    for status, answer in answers.items():
        assert answer["description"].endswith(".")
        assert answer["description"] != "Successful Response"
        content = answer.get("content", {})
        assert bool(content) == (status != "204")
        for described in content.values():
            assert described["schema"]
            assert described["example"] is not None


# Judged one by one, each for itself, when it is its turn; the list they are in has an end.
JUDGED_LATER = {"LeadsIn.items[]", "BatchItemIn.commands[]"}
ENDLESS = re.compile(r"(?<!\\)[*+]|\{\d+,\}")  # within a pattern; in brackets it is a letter


def endless(schema: dict[str, Any], place: str, inside: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the places within a schema where a list, an object or a text could go on for ever."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name not in inside:
            yield from endless(DOCUMENT["components"]["schemas"][name], name, (*inside, name))
        return
    for key in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(key, ()):
            yield from endless(one, place, inside)
    kind = schema.get("type")
    if kind == "array":
        yield from () if "maxItems" in schema else [place]
        yield from endless(schema["items"], f"{place}[]", inside)
    if kind == "object":
        yield from () if "maxProperties" in schema or "properties" in schema else [place]
        for field, one in schema.get("properties", {}).items():
            yield from endless(one, f"{place}.{field}", inside)
        values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        for one in values:
            yield from endless(one, f"{place}{{}}", inside) if isinstance(one, dict) else ()
    if kind == "string" and not has_an_end(schema):
        yield place


def has_an_end(text: dict[str, Any]) -> bool:
    if text.keys() & {"maxLength", "enum", "const"}:
        return True
    pattern = re.sub(r"\[[^\]]*\]", "x", text.get("pattern", ""))
    anchored = pattern.startswith("^") and pattern.endswith("$")
    return (anchored and not ENDLESS.search(pattern)) or "format" in text


def test_whatever_may_be_sent_has_an_end():
    found = {
        place
        for operation in OPERATIONS.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for place in endless(content["schema"], operation["operationId"])
    }
    assert found == JUDGED_LATER


NEVER_GIVEN = {"event-conflict", "idempotency-key-required", "unknown-event-type"}


def test_every_problem_that_is_given_is_an_answer_of_some_operation():
    named = {
        code
        for operation in OPERATIONS.values()
        for response in operation["responses"].values()
        for code in response.get("$ref", "").rpartition("/")[2].split("_")
    }
    # A method that a path does not take is no operation; the others are given by none.
    nowhere = {
        "method-not-allowed",
        "event-conflict",
        "idempotency-key-required",
        "unknown-event-type",
    }
    assert PROBLEMS.keys() - named == nowhere


def test_no_path_of_the_inside_is_described():
    assert not [path for path in DOCUMENT["paths"] if path.startswith("/internal")]


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("PATCH")])
def test_a_change_needs_the_version_that_was_seen(name):
    headers = {p["name"]: p for p in OPERATIONS[name]["parameters"]}
    assert headers["If-Match"]["required"]
