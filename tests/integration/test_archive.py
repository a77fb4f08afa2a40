"""A backup taken under writes is consistent; a restore makes a whole stack or none."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from standalone.archive.manifest import Manifest
from standalone.host.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
DEALS = 3_000
MAPPING = """\
mapping: 1
source: crm
currency: EUR
sets:
  - make: deals
    key: id
    created_at: begun
    stage: {constant: discovery}
    won: {when: {column: state, is: won}, at: begun, revenue: value}
"""


@pytest.fixture(scope="module")
def arguments(room: Path) -> list[str]:
    mapping, data = room / "archive.yaml", room / "archive.csv"
    mapping.write_text(MAPPING)
    lines = [f"d{n},2026-0{n % 6 + 1}-11,{n},{'won' if n % 2 else 'open'}" for n in range(DEALS)]
    data.write_text("id,begun,value,state\n" + "\n".join(lines) + "\n")
    return ["import", "--mapping", str(mapping), str(data), "--json"]


def counts(stack: Any) -> dict[str, int]:
    (group,) = stack.get("/v1/sales-performance?from=2026-01-01&to=2027-01-01")["groups"]
    return dict(group["counts"])


def test_a_backup_under_writes_loses_or_doubles_something(
    new_stack: Callable[[], Any],
    arguments: list[str],
    room: Path,
    run_tool: Any,
    new_import: Callable[..., Any],
) -> None:
    stack = new_stack().up("--no-demo")
    file = room / "under-writes.onefunnel"
    importing = new_import(*arguments, "--data", str(stack.data))
    assert wait_until(lambda: counts(stack)["opened"] > 0 or importing.poll() is not None, 120)

    stack.cli("backup", str(file))

    assert importing.wait(300) == 0, "writes stopped for the backup"
    stack.folded()
    assert counts(stack)["opened"] == DEALS

    again = new_stack()
    restored = again.data.parent / "restored"
    done = run_tool("restore", str(file), "--data", str(restored))
    assert done.returncode == 0, done.stderr
    again.data = restored
    again.up("--no-demo").folded()
    assert again.cli("verify").returncode == 0
    status = again.get("/v1/status")["services"]["metrics"]["detail"]
    assert (status["dead_letters"], status["parked"], status["halted"]) == (0, 0, [])
    before = counts(again)["opened"]
    report = json.loads(again.cli(*arguments).stdout)["sets"]["deals"]
    assert (report["unchanged"], report["created"]) == (before, DEALS - before)
    again.folded()
    assert counts(again) == counts(stack)
    assert again.cli("verify").returncode == 0


def test_a_backup_of_a_stopped_stack_starts_it_for_good(
    new_stack: Callable[[], Any], room: Path, run_tool: Any
) -> None:
    stack = new_stack()
    file = room / "stopped.onefunnel"
    stack.cli("backup", str(file))
    assert not (stack.data / "onefunnel.lock").exists()
    assert not (stack.data / "postgres" / "postmaster.pid").exists()
    assert not list((stack.data / "postgres").glob("onefunnel-*"))
    assert file.stat().st_mode & 0o777 == 0o600

    over = run_tool("backup", str(file), "--data", str(stack.data))
    assert (over.returncode, "a backup never overwrites" in over.stderr) == (2, True)
    over = run_tool("restore", str(file), "--data", str(stack.data))
    assert (over.returncode, "a restore never overwrites" in over.stderr) == (4, True)


def _archive(path: Path, manifest: bytes, parts: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in {"manifest.json": manifest, **parts}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("manifest", "cause"),
    [
        (b"{", "its manifest cannot be read"),
        (Manifest("99.0.0", 18, "now", ()).text().encode(), "onefunnel 99.0.0 made it"),
        (Manifest("0.1.0", 18, "now", (), 2).text().encode(), "it is of format 2"),
    ],
)
def test_a_strange_file_is_restored(
    tmp_path: Path, run_tool: Any, manifest: bytes, cause: str
) -> None:
    file = _archive(tmp_path / "strange.onefunnel", manifest, {})
    done = run_tool("restore", str(file), "--data", str(tmp_path / "new"))
    assert done.returncode == 1
    assert cause in done.stderr
    assert not (tmp_path / "new" / "postgres").exists()


def test_a_torn_file_leaves_half_a_stack(
    new_stack: Callable[[], Any], room: Path, run_tool: Any
) -> None:
    whole, torn = room / "whole.onefunnel", room / "torn.onefunnel"
    new_stack().cli("backup", str(whole))
    torn.write_bytes(whole.read_bytes()[:-200_000])
    done = run_tool("restore", str(torn), "--data", str(room / "torn-data"))
    assert done.returncode == 1, done.stderr
    assert "cannot be restored" in done.stderr
    assert not (room / "torn-data" / "postgres").exists()
    assert not (room / "torn-data" / "keys.json").exists()
