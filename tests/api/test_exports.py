"""Lists as files: whole, strict CSV, nobody's formula, with the caller's own rights."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from gateway.entrypoints import exports
from gateway.main import checked_in_document
from onefunnel.persistence.urls import APP_ROLE

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


def audited(stage: Stage) -> list[dict[str, Any]]:
    """Return what the audit says of files, newest first."""
    items = json.loads(stage.ask("GET", "/v1/audit?limit=200").body)["items"]
    return [one for one in items if one["action"] == "export" and one["service"] == "gateway"]


def test_who_takes_a_list_along_is_in_the_audit_and_who_reads_it_is_not(stage: Stage) -> None:
    before = len(audited(stage))
    assert stage.ask("GET", f"/v1/leads?source={SOURCE}").status == 200
    assert stage.ask("GET", "/v1/leads?colour=red", headers=CSV).status == 422
    assert len(audited(stage)) == before
    for _ in range(2):
        answer = stage.ask("GET", f"/v1/leads?source={SOURCE}", role="manager", headers=CSV)
        assert answer.status == 200
    one, other = audited(stage)[: len(audited(stage)) - before]
    assert (one["resource"], one["operation"], one["role"]) == ("lead", "listLeads", "manager")
    assert one["digest"] == other["digest"], "equal requests are seen to be equal"
    assert SOURCE not in json.dumps(one)


def test_a_file_that_cannot_be_written_down_is_not_given(stage: Stage, listed: list[str]) -> None:
    with refusing_to_audit(stage):
        answer = stage.ask("GET", "/v1/leads", headers=CSV)
    assert answer.status >= 500
    assert dict(answer.headers)[b"content-type"] == b"application/problem+json"
    assert b"lead 1" not in answer.body
    assert stage.ask("GET", "/v1/leads", headers=CSV).status == 200


@contextmanager
def refusing_to_audit(stage: Stage) -> Iterator[None]:
    """Let the database of the gateway take no row of the audit meanwhile."""

    async def told(statement: str) -> None:
        owner = await asyncpg.connect(stage.databases["gateway"].owner_url)
        await owner.execute(statement)
        await owner.close()

    stage.run(told(f"REVOKE INSERT ON audit FROM {APP_ROLE}"))
    try:
        yield
    finally:
        stage.run(told(f"GRANT INSERT ON audit TO {APP_ROLE}"))
