"""Deaths on purpose: a child process that kills itself at a named fault point.

The child calls `install_from_environment()`; the test starts it with `ONEFUNNEL_FAULT=relay.after_append`,
or `relay.after_append:3` for the third time that the point is passed, or `relay.after_append:3:STOP` to
freeze it there until it gets SIGCONT.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from onefunnel import faults
from onefunnel.faults import FaultName

VARIABLE: Final = "ONEFUNNEL_FAULT"
CHILD_LIMIT_S: Final = 60
_DEFAULTS: Final = ("1", "KILL")  # the first time, and for good


class Killer:
    """Kills or freezes this process when a point is passed for the n-th time."""

    def __init__(self, name: str, times: int, number: signal.Signals) -> None:
        self._name = name
        self._left = times
        self._signal = number

    def point(self, name: FaultName) -> None:
        """Die here if this is the point and the time."""
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signal)


def install_from_environment() -> None:
    """Install the killer that the environment names, if any."""
    if setting := os.environ.get(VARIABLE):
        name, times, what = [*setting.split(":"), *_DEFAULTS[setting.count(":") :]]
        faults.install(Killer(name, int(times), signal.Signals[f"SIG{what}"]))


def start_child(
    script: Path, *arguments: str, fault: str | None = None, more: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start a Python script in a process of its own, to die at `fault`."""
    environment = {**os.environ, **(more or {})}
    environment.pop(VARIABLE, None)
    if fault:
        environment[VARIABLE] = fault
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def was_killed(child: "subprocess.Popen[str]") -> bool:
    """Wait for the child's end and say whether it died of the kill; raise if it does not end."""
    return child.wait(CHILD_LIMIT_S) == -signal.SIGKILL
