"""What networks do: connections cut at any byte, also after COMMIT was sent; delay; silence."""

from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess
from random import Random

import pytest

from onefunnel.testing.proxy import Proxy, proxied
from onefunnel.testing.waiting import until

from .figures import note, seeded
from .sizes import Sizes
from .world import socket_of

COMMIT = b"COMMIT\0"
CUTS = 6
SILENCE_S = 1.0


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    ("what", "roles"), [("metrics", ["fold"]), ("service", ["first", "second"])]
)
async def test_a_commit_whose_answer_is_lost_is_looked_up_whatever_became_of_it(
    new_stage, size: Sizes, what: str, roles: list[str]
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage = await new_stage(seed=seed, events=60)
            async with proxied(socket_of(stage.world.databases[what])) as proxy:
                there = stage.world.through(what, proxy.port)
                others = {"first", "second", "relay", "fold"} - set(roles)
                proxy.cut_at(COMMIT, "done")
                running = {r: stage.start(r, world=there) for r in roles}
                running |= {r: stage.start(r) for r in sorted(others)}
                for cut in range(CUTS):
                    await until(partial(_struck, proxy, cut, running[roles[0]]))
                    proxy.cut_at(COMMIT, "undone" if cut % 2 == 0 else "done")
                proxy.heal()
                await stage.come_to_rest(running)
                assert proxy.struck >= 2
                note(episodes=1, cuts_at_commit=proxy.struck)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("what", ["metrics", "service", "log"])
async def test_connections_that_are_cut_and_slow_cost_time_and_nothing_else(
    new_stage, size: Sizes, what: str
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            chance = Random(seed)
            stage = await new_stage(seed=seed, events=60)
            async with proxied(socket_of(stage.world.databases[what])) as proxy:
                there = stage.world.through(what, proxy.port)
                proxy.delay(chance.choice([0.0, 0.002]))
                roles = ("first", "second", "relay", "fold")
                running = {role: stage.start(role, world=there) for role in roles}
                for _ in range(chance.randrange(3, 9)):
                    before = proxy.passed + chance.randrange(1, 200)
                    await until(partial(_passed, proxy, before, running["first"]))
                    proxy.cut()
                proxy.heal()
                await stage.come_to_rest(running)
                note(episodes=1)


@pytest.mark.parametrize("what", ["metrics", "log"])
async def test_a_connection_that_falls_silent_is_given_up(new_stage, what: str) -> None:
    stage = await new_stage(seed=5, events=60)
    async with proxied(socket_of(stage.world.databases[what])) as proxy:
        there = replace(stage.world.through(what, proxy.port), answer_s=SILENCE_S)
        running = {role: stage.start(role, world=there) for role in ("first", "relay", "fold")}
        await until(lambda: proxy.passed > 200)
        proxy.swallow()
        old = proxy.accepted
        await until(lambda: proxy.accepted > old, limit_s=60)  # it has given up and tries again
        proxy.cut()
        proxy.heal()
        running["second"] = stage.start("second")
        await stage.come_to_rest(running)
        note(episodes=1)


def _struck(proxy: Proxy, times: int, process: BaseProcess) -> bool:
    return proxy.struck > times or not process.is_alive()


def _passed(proxy: Proxy, pieces: int, process: BaseProcess) -> bool:
    return proxy.passed > pieces or not process.is_alive()
