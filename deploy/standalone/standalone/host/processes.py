"""Processes by id *and* start time, because an id alone may belong to somebody else by now."""

import contextlib
import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from typing import Final

import psutil

# The system derives start times from its clock, which may be set a little while we run.
_START_TOLERANCE_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """What identifies a process for good."""

    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """Return the process if it still is the one that was marked."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _START_TOLERANCE_S
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def alive(self) -> bool:
        """Say whether the marked process still runs."""
        return self.process() is not None


def mark_of(pid: int) -> Mark:
    """Return the mark of a process that runs now."""
    return Mark(pid, psutil.Process(pid).create_time())


def stop(marks: list[Mark], within_s: float) -> None:
    """Ask processes to stop, and end those that have not after `within_s`."""
    found = [process for mark in marks if (process := mark.process())]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(found, timeout=within_s)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=within_s)


def die_with(parent: int) -> None:
    """Arrange for this process to be asked to stop when its parent dies (Linux only).

    Elsewhere the next start finds it by its mark in the lock file.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)
