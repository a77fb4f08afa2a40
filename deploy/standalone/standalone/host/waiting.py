"""Waiting for a condition with a limit: the one place of the host that sleeps."""

import time
from collections.abc import Callable
from typing import Final

_PAUSE_S: Final = 0.02


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Return True as soon as the condition holds, False if it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True
