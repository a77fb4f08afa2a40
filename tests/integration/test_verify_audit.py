"""The audit of a real stack: read over the API, sealed in the background, verified by the command."""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import asyncpg

from standalone.host.postgres import server_of
from standalone.host.waiting import wait_until


def verdict(stack: Any, code: int) -> dict[str, Any]:
    done = stack.cli("verify-audit", "--json", check=False)
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
    tamper(
        stack,
        "gateway",
        "DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal ORDER BY n DESC LIMIT 1);"
        " DELETE FROM audit_seal WHERE n = (SELECT max(n) FROM audit_seal);"
        " UPDATE audit_head SET (n, hash) = (SELECT n, hash FROM audit_seal ORDER BY n DESC LIMIT 1)",
    )
    assert "seen before" in verdict(stack, 1)["gateway"]["breaks"][0]
    assert verdict(stack, 1)["lead"]["right"]
