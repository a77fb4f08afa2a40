"""kill -9 at every named point of producers, relays and folds: nothing is lost or counted twice."""

from collections import Counter
from itertools import count
from random import Random
from typing import Final, get_args

import pytest

from onefunnel.faults import FaultName
from onefunnel.testing.waiting import until

from .actors import Fault
from .figures import note, seeded
from .sizes import Sizes
from .stage import BOTH_LOGS, Stage

POINTS: Final = {
    role: [name for name in get_args(FaultName) if name.startswith(prefix)]
    for role, prefix in {
        "first": "write.", "second": "write.", "relay": "relay.", "fold": "fold.",
    }.items()
}  # fmt: skip
EVENTS: Final = 80
DEATHS_EACH: Final = 40  # in one world


class Reaper:
    """Keeps every role of a world running, each process to die at a point that the seed chooses."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._chance = Random(seed)
        self._to_die_at: dict[str, str] = {}
        self._running = {role: stage.start(role, self._fault(role)) for role in POINTS}
        self.died_at: Counter[str] = Counter()

    def _fault(self, role: str) -> Fault:
        self._to_die_at[role] = point = self._chance.choice(POINTS[role])
        return (point, self._chance.choice([1, 1, 2, 3]), "KILL")

    async def reap(self) -> None:
        """Start again what died, until the producers have told everything or enough have died."""
        while self.died_at.total() < DEATHS_EACH and not self._all_told():
            await until(lambda: any(not p.is_alive() for p in self._running.values()))
            for role, process in list(self._running.items()):
                if not process.is_alive():
                    await self._restart(role)
        for process in self._running.values():
            process.kill()
            await self._stage.ended(process)

    def _all_told(self) -> bool:
        return not {"first", "second"} & self._running.keys()

    async def _restart(self, role: str) -> None:
        if not await self._stage.ended(self._running.pop(role)):
            return  # a producer that has told everything
        self.died_at[self._to_die_at[role]] += 1
        await self._stage.leases_run_out()
        self._running[role] = self._stage.start(role, self._fault(role))


@pytest.mark.timeout(3_600)
@BOTH_LOGS
async def test_whoever_dies_wherever_the_end_is_what_was_told(new_stage, size: Sizes) -> None:
    died: Counter[str] = Counter()
    for seed in count(size.first_seed):
        if died.total() >= size.kills / 2:  # as many on the other log
            break
        with seeded(seed):
            stage = await new_stage(seed=seed, events=EVENTS)
            reaper = Reaper(stage, seed)
            await reaper.reap()
            await stage.finish()
            assert stage.deaths
            died += reaper.died_at
            note(kills=reaper.died_at.total(), worlds=1)
            await stage.clear()
    never = {point for points in POINTS.values() for point in points} - died.keys()
    assert len(never) <= (0 if size.kills >= 800 else 10), never


@pytest.mark.parametrize("point", [name for name in get_args(FaultName) if "rebuild." in name])
async def test_a_rebuild_that_dies_under_load_leaves_the_numbers_whole(new_stage, point) -> None:
    stage = await new_stage(seed=7, events=100)
    producers = [stage.start(role) for role in ("first", "second")]
    workers = [stage.start(role) for role in ("relay", "fold")]
    rebuild = stage.start("rebuild", (point, 1, "KILL"))
    assert await stage.ended(rebuild)
    note(kills=1)
    await stage.forgotten("rebuild")  # one at a time, and the dead one's lock is its session's
    assert not await stage.ended(stage.start("rebuild"))
    for producer in producers:
        assert not await stage.ended(producer)
    await stage.settled()
    await stage.stop(*workers)
    await stage.check()
