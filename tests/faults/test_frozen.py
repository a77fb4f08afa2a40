"""Processes that freeze past their lease and wake after another has taken over: late, and without effect."""

from dataclasses import replace
from typing import get_args

import pytest

from onefunnel.faults import FaultName

from .figures import note

POINTS = [n for n in get_args(FaultName) if n.startswith(("fold.", "relay."))]
# A fold does not know in what the log is; a relay's append may be refused, or come late.
FROZEN_AT = [("postgres", point) for point in POINTS] + [
    ("kafka", point)
    for point in POINTS
    if point.startswith("relay.") or point == "fold.before_begin"
]
IDLE_MS = 300


@pytest.mark.parametrize(("on", "point"), FROZEN_AT, indirect=["on"])
async def test_a_process_that_wakes_too_late_changes_nothing(new_stage, point: str) -> None:
    stage = await new_stage(seed=3, events=60)
    role = point.partition(".")[0]
    # The server ends a transaction that lies idle: nobody waits for a frozen process.
    world = replace(stage.world, idle_ms=IDLE_MS)
    zombie = stage.start(role, (point, 2, "STOP"), world)
    other = stage.start("fold" if role == "relay" else "relay")
    assert not await stage.ended(stage.start("first"))
    await stage.frozen(zombie)
    await stage.leases_run_out()
    heir = stage.start(role)
    assert not await stage.ended(stage.start("second"))
    await stage.all_told()
    await stage.settled()

    stage.wake(zombie)

    await stage.stop(heir, other, zombie)
    await stage.finish()
    note(zombies=1)
