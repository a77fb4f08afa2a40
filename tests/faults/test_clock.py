"""Clocks that are wrong by minutes decide nothing: the database's own clock runs the leases, epochs the rest."""

from dataclasses import replace

import pytest

from .figures import note, seeded
from .sizes import Sizes
from .stage import BOTH_LOGS

SKEWS = {"first": 600.0, "second": -600.0, "relay": -86_400.0, "fold": 86_400.0}


@pytest.mark.timeout(1_800)
@BOTH_LOGS
async def test_processes_whose_clocks_differ_by_a_day_agree_on_every_number(
    new_stage, size: Sizes
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage = await new_stage(seed=seed, events=60)
            running = {
                role: stage.start(role, world=replace(stage.world, skew_s=skew))
                for role, skew in SKEWS.items()
            }
            second = stage.start("fold", world=replace(stage.world, skew_s=-600.0))
            for role in ("first", "second"):
                assert not await stage.ended(running[role])
            await stage.settled()
            await stage.stop(running["relay"], running["fold"], second)
            await stage.check()
            note(episodes=1)
