"""A real stack with somebody's data in every field: never in clear on a disk, gone when erased."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from onefunnel.log.batch import unpack
from onefunnel.vault.keyring import Keyring
from standalone.host.keys import internal_key
from standalone.host.postgres import server_of

pytestmark = pytest.mark.timeout(900)
CANARY = "Canary4d2a"
MAIL = f"{CANARY}@example.org"
IN_CLEAR = "Clear4d2a"  # the name of a thing, not of a person: the search must find it
LEADS = 20
MONEY = {"amount_minor": 500, "currency": "USD"}


class Api:
    """The stack's API, as its owner and as whoever approves."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack

    def ask(
        self, method: str, path: str, body: object = None, role: str = "admin", **headers: str
    ) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.stack.port}{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.stack.key(role)}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, content, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"null")

    def made(self, path: str, body: object, method: str = "POST", **headers: str) -> Any:
        status, answer = self.ask(method, path, body, **headers)
        assert status in {200, 201}, answer
        return answer

    def erase(self, kind: str, subject: str) -> None:
        receipt = self.made("/v1/erasures", {"kind": kind, "subject": subject})
        path = f"/v1/erasures/{receipt['id']}/approve"
        status, answer = self.ask("POST", path, {}, role="comp_admin")
        assert (status, answer["status"]) == (200, "erased"), answer


def query(stack: Any, database: str, sql: str) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(server_of(stack.data).url(database))
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return asyncio.run(run())


def planted(api: Api) -> dict[str, str]:
    """Put the canary into every field that a person's words can be in; return whose they are."""
    key = iter(range(1_000))

    def post(path: str, body: object, method: str = "POST", **headers: str) -> Any:
        return api.made(path, body, method, Idempotency_Key=f"planted-{next(key)}", **headers)

    person = post("/v1/people", {"name": f"{CANARY} Ada", "email": f"a.{MAIL}", "kind": "rep"})
    who = {"name": f"{CANARY} Jane", "email": MAIL, "phone": "+49 30 4242", "company": CANARY}
    lead = post("/v1/leads", {**who, "attributes": {f"{CANARY} key": f"{CANARY} value"}})
    path = f"/v1/leads/{lead['id']}"
    patch = {"name": f"{CANARY} Janet", "attributes": {"about": f"{CANARY} more"}}
    post(path, patch, "PATCH", If_Match='"1"')
    post(f"{path}/assign", {"owner": person["id"]})
    post(f"{path}/touches", {"side": "sales", "channel": "call", "note": f"{CANARY} touch"})
    post(f"{path}/recycle", {"reason": "later", "note": f"{CANARY} recycle"})
    deal = post(f"{path}/convert", {"deal": {"name": f"{IN_CLEAR} deal"}})
    at = f"/v1/deals/{deal['id']}"
    post(f"{at}/stage", {"stage": "proposal", "evidence": f"{CANARY} evidence"})
    lost = {"outcome": "ghosted", "reason": "silence", "note": f"{CANARY} lose"}
    post(f"{at}/lose", lost)
    post(f"{at}/reopen", {"note": f"{CANARY} reopen"})
    post(f"{at}/win", {"lines": [{"id": "1", "revenue_minor": 900}], "note": f"{CANARY} win"})
    post(f"{at}/refunds", {"fraction": "0.5", "note": f"{CANARY} refund"})
    post(f"{at}/payments", {"amount": MONEY, "note": f"{CANARY} payment"})
    post("/v1/activities", {"deal": deal["id"], "kind": "call", "note": f"{CANARY} activity"})
    for wrong in ({"name": "x", "email": f"{MAIL}@@"}, {CANARY: 1}, {"name": [CANARY]}):
        assert api.ask("POST", "/v1/leads", wrong)[0] in {400, 422}
    assert api.ask("GET", f"/v1/leads?state={CANARY}&owner={CANARY}")[0] in {200, 404, 422}
    return {"lead": lead["id"], "person": person["id"], "deal": deal["id"]}


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


def files(stack: Any) -> Iterator[Path]:
    yield stack.out
    yield from (path for path in stack.data.rglob("*") if path.is_file())


def holding(stack: Any, word: str) -> list[str]:
    """Return what holds a word: files of any kind, byte by byte, and the packed batches of the log."""
    query(stack, "postgres", "CHECKPOINT")
    found = [str(path) for path in files(stack) if word.encode() in path.read_bytes()]
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
    """Return, by subject, how many sealed fields the master key still opens."""
    keyring, found = Keyring(internal_key(stack.data).encode()), dict[str, int]()
    rows = query(
        stack,
        "lead",
        "SELECT * FROM vault JOIN subject_key USING (tenant_id, subject_id) WHERE wrapped IS NOT NULL",
    )
    for row in rows:
        key = keyring.opened(row["tenant_id"], row["subject_id"], row["wrapped"])
        key.open(row["field"], row["version"], row["sealed"])
        found[str(row["subject_id"])] = found.get(str(row["subject_id"]), 0) + 1
    return found


def test_personal_data_is_never_in_clear_and_erasing_it_moves_no_figure(
    new_stack: Callable[[], Any],
) -> None:
    stack = new_stack().up("--no-demo")
    api = Api(stack)
    ids, leads = planted(api), sold(api)
    stack.folded()

    assert holding(stack, IN_CLEAR), "the search does not find what is there"
    assert holding(stack, CANARY) == []
    sealed = openable(stack)
    assert sealed[ids["lead"]] > 2
    assert sealed[ids["deal"]] > 5

    before = figures(stack)
    for subject in [ids["lead"], *leads[: LEADS // 10]]:
        api.erase("lead", subject)
    api.erase("person", ids["person"])
    stack.folded()

    left = openable(stack)
    gone = {ids["lead"], ids["person"], ids["deal"], *leads[: LEADS // 10]}
    assert not gone & set(left)
    assert set(leads[LEADS // 10 :]) <= set(left)
    assert api.ask("GET", f"/v1/leads/{ids['lead']}")[0] == 410
    assert figures(stack) == before
    assert stack.cli("rebuild").returncode == 0
    assert figures(stack) == before
    assert stack.cli("verify").returncode == 0
    assert holding(stack, CANARY) == []
