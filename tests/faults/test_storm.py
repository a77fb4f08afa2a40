"""Workers that join and die at random under load: every partition has an owner soon, and never two."""

from dataclasses import replace
from importlib import import_module
from multiprocessing.process import BaseProcess
from random import Random
from typing import Any

import asyncpg
import pytest

from onefunnel.testing.waiting import until

from .figures import note, seeded
from .sizes import Sizes
from .stage import BOTH_LOGS, Stage

audit: Any = import_module("services.metrics-service.tests.adapters.audit")

CROWD = 8
WAVES = 2  # from one to eight to one
LEASE_S = 3.0
OWNERS = """
    SELECT count(DISTINCT owner) = $1 AND bool_and(owner IS NOT NULL AND lease_until > now())
    FROM stream_partition"""


class Storm:
    """The workers of the moment."""

    def __init__(self, stage: Stage, chance: Random) -> None:
        self._stage = stage
        self._chance = chance
        self.workers = [self._new()]

    def _new(self) -> BaseProcess:
        note(comings_and_goings=1)
        return self._stage.start("fold", world=replace(self._stage.world, lease_s=LEASE_S))

    async def swell(self) -> None:
        """Let workers join, a few at a time, until the crowd is there."""
        while len(self.workers) < CROWD:
            for _ in range(self._chance.randrange(1, 4)):
                self.workers.append(self._new())
            await self._stage.some_more_told(self._chance.randrange(1, 10))

    async def ebb(self) -> None:
        """Kill at random, or stop in order, until one is left."""
        while len(self.workers) > 1:
            worker = self.workers.pop(self._chance.randrange(len(self.workers)))
            if self._chance.random() < 0.7:
                worker.kill()
                assert await self._stage.ended(worker)
            else:
                await self._stage.stop(worker)
            note(comings_and_goings=1)
            await self._stage.some_more_told(self._chance.randrange(1, 10))


@pytest.mark.timeout(3_600)
@BOTH_LOGS
async def test_in_a_storm_of_joins_and_deaths_nothing_rests_and_nothing_is_folded_twice(
    new_stage, size: Sizes
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage = await new_stage(seed=seed, events=500)
            metrics = await asyncpg.connect(stage.world.metrics.owner_url)
            await metrics.execute(audit.AUDIT)
            await _weather(stage, metrics, Random(seed))
            await audit.one_chain_per_partition(metrics)
            await audit.nothing_rested_longer(metrics, 2 * LEASE_S)
            await metrics.close()
            note(episodes=1)
            await stage.clear()


async def _weather(stage: Stage, metrics: asyncpg.Connection, chance: Random) -> None:
    slowly = replace(stage.world, pace_s=0.03)
    running = {role: stage.start(role, world=slowly) for role in ("first", "second")}
    running["relay"] = stage.start("relay")
    storm = Storm(stage, chance)
    for _ in range(WAVES):
        await storm.swell()
        await until(lambda: metrics.fetchval(OWNERS, len(storm.workers)), limit_s=60)
        await storm.ebb()
    await stage.come_to_rest({**running, "fold": storm.workers[0]})
