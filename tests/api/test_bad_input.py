"""Bad input through the gateway: refused as the rows of `bad_input/` say, and nothing else happens."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from .stage import Stage
from .things import Things

PAGES: Final = [
    page
    for page in sorted(Path(__file__).with_name("bad_input").glob("*.yaml"))
    if not page.stem.startswith("elsewhere")
]
ROWS: Final = [row for page in PAGES for row in yaml.safe_load(page.read_text())]
JSON: Final = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def things(stage: Stage) -> Things:
    """Return what rows mention."""
    return Things(stage)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_bad_input_is_refused_and_leaves_nothing(
    stage: Stage, things: Things, row: dict[str, Any]
) -> None:
    status, code, *pointer = row["expect"]
    target, body = things.fill(row.get("target", "/v1/leads")), things.fill(row.get("body", ""))
    before = stage.rows()
    answer = stage.ask(
        row.get("method", "POST"),
        target,
        headers={**JSON, **row.get("headers", {})},
        body=body.encode(),
        role=row.get("role", "admin"),
    )

    problem = json.loads(answer.body)
    assert (answer.status, problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert dict(answer.headers)[b"content-type"] == b"application/problem+json"
    assert not pointer or problem["errors"][0]["pointer"] == pointer[0]
    assert stage.rows() == before
    assert stage.ask("GET", "/v1/me").status == 200
