"""Whatever dies during an import, the same command run again ends where an undisturbed run ends."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from standalone.host.postgres import server_of
from standalone.host.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
DEALS = 6_000
MAPPING = """\
mapping: 1
source: crm
currency: EUR
sets:
  - make: people
    file: deals
    key: seller
    repeated: first
    name: seller
    kind: {constant: rep}
  - make: deals
    file: deals
    key: id
    created_at: begun
    owner: seller
    amount: value
    stage: {constant: discovery}
    stages:
      - {stage: {constant: evaluation}, at: seen}
    won:
      when: {column: state, is: won}
      at: closed
      revenue: value
    lost:
      when: {column: state, is: lost}
      at: closed
      outcome: {constant: status_quo}
      reason: {constant: no budget}
"""
# What an import leaves, without the times at which it was written down.
TABLES = {
    "lead": {
        "person": "SELECT id, kind, version FROM person",
        "deal": "SELECT id, state, stage, owner_id, amount_minor, closed_at, version, event_seq FROM deal",
        "batch_item": "SELECT source, key, fingerprint FROM batch_item",
        "outbox": "SELECT count(*) FROM outbox",
    },
    "metrics": {
        "facts": "SELECT aggregate_code, aggregate_id, aggregate_seq, type_code FROM journal",
        "sales": "SELECT * FROM g1.sales_counter",
        "funnel": "SELECT * FROM g1.funnel_counter",
        "pipeline": "SELECT * FROM g1.pipeline_counter",
        "duration": "SELECT * FROM g1.duration_counter",
        "dead": "SELECT count(*) FROM dead_event",
    },
}


@pytest.fixture(scope="module")
def files(room: Path) -> tuple[Path, Path]:
    mapping, data = room / "m.yaml", room / "deals.csv"
    mapping.write_text(MAPPING)
    states = ("won", "lost", "open")
    lines = ["id,begun,seller,value,seen,state,closed"]
    for n in range(DEALS):
        day = f"2025-{n % 12 + 1:02d}-{n % 27 + 1:02d}"
        closed = f"2026-0{n % 6 + 1}-{n % 27 + 1:02d}"
        lines.append(f"d{n},{day},rep {n % 12},{n}.{n % 100:02d},{day},{states[n % 3]},{closed}")
    data.write_text("\n".join(lines) + "\n")
    return mapping, data


async def _read(url: str, queries: dict[str, str]) -> dict[str, list[str]]:
    connection = await asyncpg.connect(url)
    try:
        return {name: sorted(map(repr, await connection.fetch(q))) for name, q in queries.items()}
    finally:
        await connection.close()


def tables(stack: Any) -> dict[str, list[str]]:
    stack.folded()
    server = server_of(stack.data)
    found: dict[str, list[str]] = {}
    for database, queries in TABLES.items():
        found |= asyncio.run(_read(server.url(database), queries))
    return found


def deals(stack: Any) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(server_of(stack.data).url("lead"))
        try:
            return int(await connection.fetchval("SELECT count(*) FROM deal"))
        finally:
            await connection.close()

    return asyncio.run(count())


def arguments(files: tuple[Path, Path]) -> list[str]:
    mapping, data = files
    return ["import", "--mapping", str(mapping), str(data), "--json"]


@pytest.fixture(scope="module")
def undisturbed(
    new_module_stack: Callable[[], Any], files: tuple[Path, Path]
) -> dict[str, list[str]]:
    stack = new_module_stack()
    report = json.loads(stack.cli(*arguments(files)).stdout)
    assert report["sets"]["deals"]["created"] == DEALS
    found = tables(stack)
    stack.clean_up()
    assert len(found["deal"]) == DEALS
    assert found["dead"] == found["outbox"] == ["<Record count=0>"]
    return found


def kill_command(_stack: Any, command: "subprocess.Popen[bytes]") -> None:
    command.kill()


def kill_web(stack: Any, _command: "subprocess.Popen[bytes]") -> None:
    os.kill(stack.pids()["web"], signal.SIGKILL)


def kill_worker(stack: Any, _command: "subprocess.Popen[bytes]") -> None:
    os.kill(stack.pids()["worker"], signal.SIGKILL)


def kill_database(stack: Any, _command: "subprocess.Popen[bytes]") -> None:
    os.kill(stack.pids()["postgres"], signal.SIGKILL)


@pytest.mark.parametrize("strike", [kill_command, kill_web, kill_worker, kill_database])
def test_a_death_during_an_import_leaves_a_trace(
    stack: Any,
    files: tuple[Path, Path],
    undisturbed: dict[str, list[str]],
    strike: Callable[[Any, "subprocess.Popen[bytes]"], None],
    new_import: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    for part in (0.1, 0.6):
        command = new_import(*arguments(files), "--data", str(stack.data))
        wait_until(lambda: deals(stack) >= part * DEALS or command.poll() is not None, 120)  # noqa: B023
        strike(stack, command)
        command.wait(300)
        if strike is not kill_command:
            assert command.returncode == 0, command.stderr and command.stderr.read().decode()

    again = json.loads(stack.cli(*arguments(files)).stdout)

    assert again["rejects"]["count"] == 0
    found = tables(stack)
    for name, rows in undisturbed.items():
        only = sorted(set(found[name]) - set(rows)), sorted(set(rows) - set(found[name]))
        assert only == ([], []), name


def test_an_interrupted_import_does_not_say_what_is_in(
    stack: Any,
    files: tuple[Path, Path],
    new_import: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    command = new_import(*arguments(files), "--data", str(stack.data))
    assert wait_until(lambda: deals(stack) > 0 or command.poll() is not None, 120)
    command.send_signal(signal.SIGINT)
    command.wait(120)
    assert command.stderr is not None
    said = command.stderr.read().decode()
    assert command.returncode == 130, said
    assert "interrupted after" in said
    assert "run the same command again" in said
