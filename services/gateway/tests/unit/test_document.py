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


def test_no_path_of_the_inside_is_described():
    assert not [path for path in DOCUMENT["paths"] if path.startswith("/internal")]


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("PATCH")])
def test_a_change_needs_the_version_that_was_seen(name):
    headers = {p["name"]: p for p in OPERATIONS[name]["parameters"]}
    assert headers["If-Match"]["required"]
