"""Bad input through the gateway: refused as the rows of `bad_input/` say, and nothing else happens."""

import json
from collections.abc import Mapping
from typing import Final

import pytest

from .rows import CANARY, PROVIDERS, Crm, Row, asked, connected, rows
from .stage import Stage
from .things import Things

ROWS: Final = rows()
REFUSED: Final = [row for row in ROWS if row["expect"][0] >= 400]
TAKEN: Final = [row for row in ROWS if row["expect"][0] < 400]
# What the answer says beside the problem, so that a client knows how to go on.
SAYS: Final = {
    "unauthenticated": b"www-authenticate",
    "method-not-allowed": b"allow",
    "rate-limited": b"retry-after",
}


@pytest.fixture(scope="module")
def crms(stage: Stage) -> Mapping[str, Crm]:
    """Connect a CRM of each provider that rows speak for."""
    return {provider: connected(stage, provider) for provider in PROVIDERS}


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["name"])
def test_bad_input_is_refused_and_leaves_nothing(
    stage: Stage, crms: Mapping[str, Crm], things: Things, row: Row
) -> None:
    status, code, *pointer = row["expect"]
    row = things.filled(row)
    before = stage.rows()
    answer = asked(stage, crms, row)

    problem, headers = json.loads(answer.body), dict(answer.headers)
    assert (answer.status, problem["status"]) == (status, status), problem
    assert (problem["code"], problem["type"]) == (code, f"/problems/{code}")
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-request-id"].decode() == problem["request_id"]
    assert SAYS.get(code, b"x-request-id") in headers
    assert pointer or code != "validation-failed", "say where: the pointer is part of the promise"
    assert not pointer or problem["errors"][0]["pointer"] == pointer[0]
    said = answer.body + b"\n".join(headers.values())
    assert CANARY.encode() not in said
    assert row.get("unheard", CANARY).encode() not in said
    assert row.get("heard", "").encode() in said
    assert stage.rows() == before
    assert stage.ask("GET", "/v1/me").status == 200


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: row["name"])
def test_what_only_looks_bad_is_taken(
    stage: Stage, crms: Mapping[str, Crm], things: Things, row: Row
) -> None:
    answer = asked(stage, crms, things.filled(row))
    assert answer.status == row["expect"][0], answer.body
    assert row.get("heard", "").encode() in answer.body
    assert stage.ask("GET", "/v1/me").status == 200
