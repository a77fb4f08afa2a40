"""The host starts everything, says where, keeps it running, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from standalone.host import postgres
from standalone.host.lock import NAME
from standalone.host.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
MAX_PSS = 390_000_000


def alive(pids: dict[str, int]) -> list[str]:
    return [
        name
        for name, pid in pids.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]


def test_addresses_come_after_everything_else_or_the_stack_is_larger_than_promised(
    stack: Any,
) -> None:
    said = stack.said()
    assert said.index(f"http://127.0.0.1:{stack.port}") < said.index("database")
    for word in ("API docs", "Status", "Keys", "Stop"):
        assert word in said
    assert stack.pss() < MAX_PSS


def test_what_is_no_http_is_refused_in_other_words_than_ours(stack: Any) -> None:
    with socket.create_connection(("127.0.0.1", stack.port), timeout=30) as caller:
        caller.sendall(b"no HTTP\r\n\r\n")
        answer = caller.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_something_running(stack: Any, number: signal.Signals) -> None:
    pids = stack.pids()
    assert stack.stop(number) == 0
    assert alive(pids) == []
    assert not (stack.data / NAME).exists()
    assert "your data stays" in stack.said()


def test_a_second_start_begins_beside_the_first(
    stack: Any, run_tool: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    second = run_tool("up", "--data", str(stack.data), "--port", str(stack.port + 1))
    assert second.returncode == 4
    assert (
        f"process {stack.pids()['host']} has it, at http://127.0.0.1:{stack.port}" in second.stderr
    )
    assert f"kill {stack.pids()['host']}" in second.stderr
    assert stack.get("/v1/me")["role"] == "admin"


def test_a_killed_host_leaves_what_the_next_start_cannot_take_over(stack: Any) -> None:
    before = stack.pids()
    key = stack.key()
    stack.kill()
    assert wait_until(lambda: alive(before) in ([], ["postgres"]), 30), alive(before)
    stack.forget()

    stack.up("--no-demo")

    assert stack.pids()["postgres"] == before["postgres"], "a database that runs is used as it is"
    assert stack.key() == key
    assert stack.get("/v1/me")["tenant"]["name"] == "main"
    assert stack.stop() == 0
    assert alive(before) == []


def test_children_that_outlive_their_host_run_beside_the_next_ones(stack: Any) -> None:
    before = stack.pids()
    worker = psutil.Process(before["worker"])
    worker.suspend()  # it cannot hear that its host has died
    assert wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, 30)
    stack.kill()
    stack.forget()

    stack.up("--no-demo")

    assert "that a killed onefunnel left" in stack.said()
    assert alive({"worker": before["worker"]}) == []


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_process_that_dies_stays_dead(stack: Any, name: str) -> None:
    before = stack.pids()
    os.kill(before[name], signal.SIGKILL)
    assert wait_until(lambda: stack.pids()[name] != before[name], 60)
    assert f"{name} was killed by signal 9; starting it again" in stack.said()
    assert wait_until(lambda: stack.get("/v1/me")["role"] == "admin", 60)


def test_a_database_that_dies_takes_the_stack_with_it(stack: Any) -> None:
    before = stack.pids()
    os.kill(before["postgres"], signal.SIGKILL)
    assert wait_until(lambda: "database died; starting it again" in stack.said(), 60)

    def serves() -> bool:
        try:
            return bool(stack.get("/v1/me")["role"] == "admin")
        except (AssertionError, OSError):
            return False

    assert wait_until(serves, 60), stack.said()
    assert stack.pids()["host"] == before["host"]


def test_a_taken_port_is_taken_twice(
    stack: Any, tmp_path: Path, run_tool: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    other = run_tool("up", "--data", str(tmp_path / "other"), "--port", str(stack.port))
    assert other.returncode == 1
    assert f"cannot listen on port {stack.port}" in other.stderr
    holders = [f"by process {stack.pids()[name]} " for name in ("host", "web")]
    assert any(holder in other.stderr for holder in holders), other.stderr
    assert "onefunnel up --port" in other.stderr
    assert not (tmp_path / "other" / NAME).exists()


def test_a_directory_of_another_major_is_started(
    tmp_path: Path, run_tool: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    refused = run_tool("up", "--data", str(tmp_path), "--port", "20001", "--no-demo")
    assert refused.returncode == 4
    assert "written by PostgreSQL 17" in refused.stderr
    assert "onefunnel backup --data" in refused.stderr
    assert "onefunnel restore --data" in refused.stderr


def test_a_second_ctrl_c_waits_like_the_first_or_loses_something(
    new_stack: Callable[[], Any],
) -> None:
    stack = new_stack().up("--no-demo")
    pids = stack.pids()
    os.kill(pids["worker"], signal.SIGSTOP)  # it would keep an orderly stop waiting
    assert stack.process is not None
    stack.process.send_signal(signal.SIGINT)
    assert wait_until(lambda: "stopping" in stack.said(), 30)
    assert stack.stop() == 0
    assert alive(pids) == []
    stack.forget()
    stack.up("--no-demo")
    assert stack.get("/v1/me")["role"] == "admin"


def test_a_process_that_cannot_start_is_tried_for_ever(new_stack: Callable[[], Any]) -> None:
    stack = new_stack()
    server = postgres.start(stack.data)
    server.run_tool("psql", server.url("postgres"), "-c", "ALTER ROLE onefunnel_app BYPASSRLS")
    stack.begin("--no-demo")
    assert stack.process is not None
    assert stack.process.wait(300) == 1
    assert "process died 5 times within 60 seconds" in stack.said()
    assert server.pid() is None
    assert not (stack.data / NAME).exists()
