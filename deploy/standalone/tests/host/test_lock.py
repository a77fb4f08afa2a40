"""The lock file tells a running host from a left-over one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from standalone.console.failure import Failure
from standalone.host.lock import NAME, acquire, read_owner
from standalone.host.processes import Mark, mark_of, stop

KILLED_HOST = """
import os, signal, sys
from pathlib import Path
from standalone.host.lock import acquire
from standalone.host.processes import mark_of
lock = acquire(Path(sys.argv[1]), mark_of(os.getpid()))
lock.note(url='http://x', child=('web', mark_of(int(sys.argv[2]))))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def me() -> Mark:
    return mark_of(os.getpid())


def test_two_hosts_have_one_directory(tmp_path: Path) -> None:
    held = acquire(tmp_path, me())
    held.note(url="http://127.0.0.1:8123")
    with pytest.raises(Failure) as caught:
        acquire(tmp_path, me())
    assert caught.value.code == "already-running"
    assert f"process {os.getpid()} has it, at http://127.0.0.1:8123" in str(caught.value)
    assert f"kill {os.getpid()}" in str(caught.value)
    held.release()


def test_a_lock_that_was_released_is_still_held(tmp_path: Path) -> None:
    acquire(tmp_path, me()).release()
    again = acquire(tmp_path, me())
    assert again.left_over is None
    again.release()
    assert not (tmp_path / NAME).exists()


def test_the_children_of_a_killed_host_are_forgotten(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    host = subprocess.run(
        [
            sys.executable,
            "-c",
            KILLED_HOST,
            str(tmp_path),
            str(sleeper.pid),
        ],
        check=False,
    )
    assert host.returncode == -9
    assert read_owner(tmp_path) is None

    taken = acquire(tmp_path, me())

    assert taken.left_over is not None
    assert taken.left_over.children == {"web": mark_of(sleeper.pid)}
    stop(list(taken.left_over.children.values()), within_s=5)
    assert not psutil.pid_exists(sleeper.pid)
    taken.release()


def test_a_process_with_the_same_id_is_taken_for_the_dead_one(
    sleeper: subprocess.Popen[bytes],
) -> None:
    other = Mark(sleeper.pid, psutil.Process(sleeper.pid).create_time() - 60)
    assert not other.alive()
    stop([other], within_s=1)
    assert sleeper.poll() is None


def test_a_torn_lock_file_stops_a_start(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"host": {"pid": 1')
    acquire(tmp_path, me()).release()


def test_a_shorter_text_leaves_the_end_of_the_longer_one(tmp_path: Path) -> None:
    held = acquire(tmp_path, me())
    held.note(url="http://127.0.0.1:8080/" + "x" * 500)
    held.note(url="http://127.0.0.1:8080")
    owner = read_owner(tmp_path)
    assert owner is not None
    assert owner.url == "http://127.0.0.1:8080"
    held.release()
