"""A real stack with somebody's data in every field: never in clear on a disk, gone when erased."""

import asyncio
import json
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.canaries import (
    CANARY,
    IN_CLEAR,
    MAIL,
    VAULTS,
    Api,
    holding,
    planted,
)

from onefunnel.log.batch import unpack
from onefunnel.vault.keyring import Keyring
from standalone.host.keys import internal_key
from standalone.host.postgres import server_of
from standalone.host.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
LEADS = 20
HEARD_S = 60


def query(stack: Any, database: str, sql: str) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(server_of(stack.data).url(database))
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return asyncio.run(run())


def sold(api: Api) -> list[str]:
    """Let leads come, become deals and be won by somebody who is paid; return the leads."""
    rep = api.made("/v1/people", {"name": f"{CANARY} Rep", "email": f"r.{MAIL}", "kind": "rep"})
    component = {"id": "comm", "measure": "revenue", "rate": "0.10", "period": "month"}
    plan = {"name": "p", "currency": "USD", "components": [component]}
    plan_id = api.made("/v1/compensation/plans", plan)["plan_id"]
    assignment = {"person": rep["id"], "plan": plan_id, "from": "2026-01-01"}
    api.made("/v1/compensation/assignments", assignment)
    found = []
    for n in range(LEADS):
        body = {"name": f"{CANARY} {n}", "email": f"{n}.{MAIL}", "owner": rep["id"]}
        lead = api.made("/v1/leads", {**body, "captured_at": "2026-02-01T09:00:00Z"})
        made = api.made(f"/v1/leads/{lead['id']}/convert", {"deal": {"owner": rep["id"]}})
        won = {
            "lines": [{"id": "1", "revenue_minor": 1_000 * (n + 1)}],
            "credits": [{"person": rep["id"], "role": "owner", "split": "1"}],
        }
        api.made(f"/v1/deals/{made['id']}/win", won)
        found.append(lead["id"])
    return found


def stored(stack: Any, temporary: Path, word: str) -> list[str]:
    """Return what holds a word: files of any kind, and the packed batches of the log."""
    query(stack, "postgres", "CHECKPOINT")
    found = holding([stack.out, stack.data, temporary], word)
    for row in query(stack, "eventlog", "SELECT n, crc, data FROM record_batch"):
        values = unpack(row["n"], row["crc"], row["data"])
        found += ["the event log" for value in values if word.encode() in value]
    return found


def figures(stack: Any) -> str:
    """Return a digest of everything that is counted and paid."""
    (live,) = query(stack, "metrics", "SELECT live FROM projection_generation")
    tables = ["funnel_counter", "sales_counter", "duration_counter", "pay_total"]
    digest = sha256()
    for table in [*(f"g{live[0]}.{name}" for name in tables), "public.ledger_entry"]:
        rows = query(stack, "metrics", f"SELECT * FROM {table}")
        assert rows, f"{table} has nothing to compare"
        digest.update(repr(sorted(repr(tuple(row)) for row in rows)).encode())
    return digest.hexdigest()


def openable(stack: Any) -> dict[str, int]:
    """Return, by subject, how many sealed fields the master key still opens, in all services."""
    keyring, found = Keyring(internal_key(stack.data).encode()), dict[str, int]()
    question = "SELECT * FROM vault JOIN subject_key USING (tenant_id, subject_id) WHERE wrapped IS NOT NULL"
    for database in VAULTS:
        for row in query(stack, database, question):
            key = keyring.opened(row["tenant_id"], row["subject_id"], row["wrapped"])
            key.open(row["field"], row["version"], row["sealed"])
            found[str(row["subject_id"])] = found.get(str(row["subject_id"]), 0) + 1
    return found


def bodies(stack: Any) -> int:
    """Return how many bodies of CRMs are kept."""
    kept = "SELECT count(*) FROM delivery WHERE octet_length(sealed) > 0"
    return int(query(stack, "gateway", kept)[0][0])


@pytest.fixture
def temporary(room: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where everything that runs has its temporary files."""
    made = room / "tmp"
    made.mkdir()
    made.chmod(0o1777)  # as /tmp is: the database may run as another user
    monkeypatch.setenv("TMPDIR", str(made))
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


def test_personal_data_is_never_in_clear_and_erasing_it_moves_no_figure(
    new_stack: Callable[[], Any], temporary: Path
) -> None:
    stack = new_stack().up("--no-demo")
    api = Api(f"http://127.0.0.1:{stack.port}", stack.key)
    whose, leads = planted(api), sold(api)
    stack.folded()

    assert stored(stack, temporary, IN_CLEAR), "the search does not find what is there"
    assert stored(stack, temporary, CANARY) == []
    assert stored(stack, temporary, CANARY.lower()) == [], "searches are kept in lower case"
    sealed = openable(stack)
    assert sealed[whose.lead] > 3
    assert sealed[whose.deal] > 6
    assert bodies(stack) == 1

    before = figures(stack)
    for subject in [whose.lead, whose.from_crm, *leads[: LEADS // 10]]:
        api.erase("lead", subject)
    api.erase("person", whose.person)
    stack.folded()

    gone = {whose.lead, whose.person, whose.deal, *leads[: LEADS // 10]}
    assert wait_until(lambda: not gone & set(openable(stack)), HEARD_S), openable(stack)
    assert wait_until(lambda: bodies(stack) == 0, HEARD_S)
    assert set(leads[LEADS // 10 :]) <= set(openable(stack))
    assert api.ask("GET", f"/v1/leads/{whose.lead}")[0] == 410
    assert figures(stack) == before
    assert stack.cli("rebuild").returncode == 0
    assert figures(stack) == before
    assert stack.cli("verify").returncode == 0
    assert stored(stack, temporary, CANARY) == []
    assert api.ask("GET", "/v1/dead-letters")[1]["items"] == []
    assert json.loads(stack.cli("verify-audit", "--json", check=False).stdout)["lead"]["rows"] > 0
