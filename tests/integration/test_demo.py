"""The demo company: cut off in the middle it is finished by the next start, and its numbers are right."""

from collections.abc import Callable
from typing import Any

import pytest

from standalone.host.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
MAX_PSS = 480_000_000
CHECKED = "checked: the gateway's equal a count of what was loaded"


def test_a_demo_that_was_cut_off_stays_torn_or_counts_twice(new_stack: Callable[[], Any]) -> None:
    stack = new_stack()
    stack.begin()

    def begun() -> bool:
        if not (stack.data / "keys.json").exists() or "services" not in stack.said():
            return False
        try:
            (group,) = stack.get("/v1/sales-performance", tenant="demo")["groups"]
        except (AssertionError, KeyError, OSError):
            return False
        return int(group["counts"]["opened"]) > 0

    assert wait_until(begun, 240), stack.said()
    assert CHECKED not in stack.said(), "it was too quick to be cut off"
    stack.kill()
    stack.forget()

    stack.up()

    assert CHECKED in stack.said(), stack.said()
    assert stack.pss() < MAX_PSS
    stack.stop()
    stack.forget()
    stack.up()
    assert "demo data" not in stack.said(), "a finished demo is loaded again"
