"""Lists as files: whole, strict CSV, nobody's formula, with the caller's own rights."""

import csv
import io
import json
from typing import Any

import pytest

from gateway.entrypoints import exports
from gateway.main import checked_in_document

from .stage import Stage

CSV = {"accept": "text/csv"}
SOURCE = "file"
NAMES = ['=HYPERLINK("http://evil.example")', "－1", '"@SUM(A1)', 'plain, "quoted"\nname', "Ünï"]


@pytest.fixture(scope="module")
def listed(stage: Stage) -> list[str]:
    """Log more leads than a page holds."""
    names = [*NAMES, *(f"lead {n}" for n in range(exports.PAGE_ROWS))]
    body = json.dumps({"items": [{"source": SOURCE, "name": name} for name in names]})
    sent = {"content-type": "application/json"}
    answer = stage.ask("POST", "/v1/leads/batch", headers=sent, body=body.encode())
    assert answer.status == 200, answer.body
    return names


def read(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))


def test_a_list_is_one_file_with_all_of_its_rows(stage: Stage, listed: list[str]) -> None:
    answer = stage.ask("GET", f"/v1/leads?source={SOURCE}", headers=CSV)
    headers = dict(answer.headers)
    assert answer.status == 200, answer.body
    assert headers[b"content-type"].startswith(b"text/csv; charset=utf-8")
    assert headers[b"content-disposition"].startswith(b'attachment; filename="onefunnel_leads_')
    assert b"ratelimit" in headers
    rows = read(answer.body)
    assert len(rows) == len(listed)
    assert {row["source"] for row in rows} == {SOURCE}
    written = {row["name"] for row in rows}
    assert {"'" + name for name in NAMES[:3]} <= written
    assert {NAMES[3], NAMES[4]} <= written


@pytest.mark.parametrize("query", ["limit=5", "cursor=x"])
def test_a_file_is_not_paged(stage: Stage, query: str) -> None:
    answer = stage.ask("GET", f"/v1/leads?{query}", headers=CSV)
    assert answer.status == 422
    assert json.loads(answer.body)["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_a_refusal_is_a_problem_and_no_file(stage: Stage) -> None:
    unknown = stage.ask("GET", "/v1/leads?colour=red", headers=CSV)
    assert unknown.status == 422
    assert dict(unknown.headers)[b"content-type"] == b"application/problem+json"
    assert stage.ask("GET", "/v1/leads", headers=CSV, role="comp_admin").status == 403
    assert stage.ask("GET", "/v1/leads", headers=CSV, role=None).status == 401


def test_what_is_no_table_is_not_to_be_had_as_one(stage: Stage) -> None:
    assert stage.ask("GET", "/v1/me", headers=CSV).status == 406
    assert stage.ask("GET", "/v1/accounts", headers=CSV).status == 406
    both = stage.ask("GET", "/v1/me", headers={"accept": "application/json, text/csv"})
    assert both.status == 200


def test_a_file_that_is_too_long_breaks_off(
    stage: Stage, listed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_ROWS", exports.PAGE_ROWS)
    with pytest.raises(exports.TooManyRows):
        stage.run(_asked(stage, f"source={SOURCE}"))


async def _asked(stage: Stage, query: str) -> None:
    """Ask as a server does: what is raised after the answer has begun ends the connection."""
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/v1/leads", "raw_path": b"/v1/leads",
        "query_string": query.encode(), "client": None,
        "headers": [(b"host", b"x"), (b"accept", b"text/csv"),
                    (b"authorization", f"Bearer {stage.keys['admin']}".encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(_message: Any) -> None:
        return None

    await stage.apps["gateway"](scope, receive, send)


def test_only_so_many_files_are_made_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MAX_AT_ONCE", 0)
    answer = stage.ask("GET", "/v1/leads", headers=CSV)
    assert answer.status == 429
    assert b"retry-after" in dict(answer.headers)


def test_the_document_names_every_table() -> None:
    document = checked_in_document()
    found = {
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if "`Accept: text/csv`" in operation.get("description", "")
    }
    assert found == set(exports.TABLES)
