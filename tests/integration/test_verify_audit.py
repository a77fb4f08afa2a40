"""The audit of a real stack: read over the API, sealed in the background, verified by the command."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from onefunnel.persistence.urls import WORKER_ROLE
from standalone.host.keys import internal_key
from standalone.host.postgres import server_of
from standalone.host.waiting import wait_until

COMMAND: Final = [sys.executable, "-m", "standalone"]


def verdict(stack: Any, code: int) -> dict[str, Any]:
    done = stack.cli("verify-audit", "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def told_apart(stack: Any, code: int) -> dict[str, Any]:
    """Verify the same databases as services that run apart are told of theirs."""
    server = server_of(stack.data).url("postgres", WORKER_ROLE)
    told = {
        "ONEFUNNEL_WORKER_URL": server.replace("/postgres?", "?"),
        "ONEFUNNEL_INTERNAL_KEY": internal_key(stack.data),
        "ONEFUNNEL_KAFKA_BOOTSTRAP": "nobody:9092",
        "ONEFUNNEL_KAFKA_SMALL": "true",
    }
    done = subprocess.run(
        [*COMMAND, "verify-audit", "--apart", "--json", "--data", str(stack.data / "apart")],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def send(stack: Any, method: str, path: str, body: object) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{stack.port}{path}", method=method)
    request.add_header("Authorization", f"Bearer {stack.key()}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, json.dumps(body).encode(), timeout=30) as answer:
        assert answer.status in {200, 201}


def tamper(stack: Any, service: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server_of(stack.data).url(service))
        await connection.execute(f"SET session_replication_role = replica; {statement}")
        await connection.close()

    asyncio.run(run())


def test_an_audit_is_sealed_by_itself_and_a_cut_end_is_found(new_stack: Callable[[], Any]) -> None:
    stack = new_stack().up("--no-demo")
    send(stack, "POST", "/v1/keys", {"role": "rep", "name": "one"})
    send(stack, "POST", "/v1/people", {"name": "Jane", "kind": "rep"})

    rows = stack.get("/v1/audit?limit=2")["items"]
    assert [(row["service"], row["operation"]) for row in rows] == [
        ("lead", "createPerson"),
        ("gateway", "createKey"),
    ]
    assert rows[1]["told"] == {"role": "rep"}

    def sealed() -> bool:
        found = json.loads(stack.cli("verify-audit", "--json", check=False).stdout)
        return found["gateway"]["waiting"] == 0 and found["lead"]["waiting"] == 0

    assert wait_until(sealed, 30)
    whole = verdict(stack, 0)
    assert whole["gateway"]["rows"] > 1
    apart = told_apart(stack, 0)
    assert {n: one["head"] for n, one in apart.items()} == {n: o["head"] for n, o in whole.items()}
    tamper(
        stack,
        "gateway",
        "DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal ORDER BY n DESC LIMIT 1);"
        " DELETE FROM audit_seal WHERE n = (SELECT max(n) FROM audit_seal);"
        " UPDATE audit_head SET (n, hash) = (SELECT n, hash FROM audit_seal ORDER BY n DESC LIMIT 1)",
    )
    assert "seen before" in verdict(stack, 1)["gateway"]["breaks"][0]
    assert verdict(stack, 1)["lead"]["right"]
    assert "seen before" in told_apart(stack, 1)["gateway"]["breaks"][0]


def test_a_command_that_is_not_told_where_services_are_says_so(
    run_tool: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("KAFKA_BOOTSTRAP", "INTERNAL_KEY", "WORKER_URL"):
        monkeypatch.delenv(f"ONEFUNNEL_{name}", raising=False)
    done = run_tool("verify-audit", "--apart", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "ONEFUNNEL_INTERNAL_KEY" in done.stderr.upper()
