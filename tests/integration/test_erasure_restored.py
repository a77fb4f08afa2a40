"""A backup from before an erasure does not bring anybody back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.canaries import CANARY, MAIL, Api

from standalone.host.waiting import wait_until
from standalone.host.wiring import ERASED

pytestmark = pytest.mark.timeout(600)


def test_who_was_erased_after_the_backup_is_unreadable_as_soon_as_the_restored_stack_serves(
    new_stack: Callable[[], Any], room: Path, run_tool: Any
) -> None:
    stack = new_stack().up("--no-demo")
    api = Api(f"http://127.0.0.1:{stack.port}", stack.key)
    lead = api.made("/v1/leads", {"name": f"{CANARY} Jane", "email": MAIL})["id"]
    other = api.made("/v1/leads", {"name": "Somebody else", "email": "else@example.org"})["id"]
    person = api.made("/v1/people", {"name": f"{CANARY} Ada", "kind": "rep"})["id"]
    file = room / "before-the-erasure.onefunnel"
    stack.cli("backup", str(file))
    api.erase("lead", lead)
    api.erase("person", person)
    kept = stack.data / ERASED
    assert wait_until(lambda: kept.exists() and person in kept.read_text(), 60)
    assert CANARY not in kept.read_text()
    assert stack.stop() == 0

    again = new_stack()
    again.data = again.data.parent / "restored"
    arguments = ("--data", str(again.data), "--erased", str(kept))
    assert run_tool("restore", str(file), *arguments).returncode == 0
    again.up("--no-demo")

    restored = Api(f"http://127.0.0.1:{again.port}", again.key)
    assert restored.ask("GET", f"/v1/leads/{lead}")[0] == 410
    assert restored.ask("GET", f"/v1/people/{person}")[0] == 410
    assert restored.ask("GET", f"/v1/leads/{other}")[1]["name"] == "Somebody else"
    body = {"name": "x", "email": MAIL}
    assert restored.ask("POST", "/v1/leads", body)[0] == 410, "nor do they come back"
    receipts = restored.made("/v1/erasures", None, "GET")["items"]
    assert {one["subject_id"]: one["status"] for one in receipts} == {
        lead: "erased",
        person: "erased",
    }
    rows = restored.made("/v1/audit?limit=50", None, "GET")["items"]
    replayed = [row for row in rows if row["action"] == "replay"]
    assert {row["told"]["subject"] for row in replayed} == {lead, person}
    again.folded()
    assert again.cli("verify").returncode == 0
