"""Bad input through the gateway: refused as the rows of `bad_input/` say, and nothing else happens."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from .stage import Stage

PAGES: Final = sorted(Path(__file__).with_name("bad_input").glob("*.yaml"))
ROWS: Final = [row for page in PAGES for row in yaml.safe_load(page.read_text())]
JSON: Final = {"content-type": "application/json"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_bad_input_is_refused_and_leaves_nothing(stage: Stage, row: dict[str, Any]) -> None:
    status, code, *pointer = row["expect"]
    before = stage.rows()
    answer = stage.ask(
        row.get("method", "POST"),
        row.get("target", "/v1/leads"),
        headers={**JSON, **row.get("headers", {})},
        body=row.get("body", "").encode(),
        role=row.get("role", "admin"),
    )

    problem = json.loads(answer.body)
    assert (answer.status, problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert dict(answer.headers)[b"content-type"] == b"application/problem+json"
    assert not pointer or problem["errors"][0]["pointer"] == pointer[0]
    assert stage.rows() == before
    assert stage.ask("GET", "/v1/me").status == 200
