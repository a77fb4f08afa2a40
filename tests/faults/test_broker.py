"""Kafka's broker: killed while it is written to, frozen past every patience, behind a bad network."""

import asyncio
from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess
from random import Random

import pytest

from onefunnel.testing.proxy import proxied
from onefunnel.testing.waiting import until

from .figures import note, seeded
from .sizes import Sizes
from .stage import ROLES, Stage
from .world import World

pytestmark = pytest.mark.parametrize("on", ["kafka"], indirect=True)
EACH = 3  # kills in one world
PATIENCE_S = 1.5
PRODUCER = b"services-test"  # in every request of the relay


@pytest.mark.timeout(3_600)
async def test_a_broker_that_is_killed_loses_nothing(new_stage, local_broker, size: Sizes) -> None:
    for seed in range(size.first_seed, size.first_seed + -(-size.broker_kills // EACH)):
        with seeded(seed):
            stage, chance = await new_stage(seed=seed, events=200), Random(seed)
            there = replace(stage.world, broker_s=PATIENCE_S)
            running = {role: stage.start(role, world=there) for role in ROLES}
            for _ in range(kills := min(EACH, size.broker_kills)):
                await stage.some_more_published(chance.randrange(1, 30))
                local_broker.kill()
                await asyncio.to_thread(local_broker.start)
            await stage.come_to_rest(running)
            note(broker_kills=kills)
            await stage.clear()


@pytest.mark.timeout(600)
async def test_a_broker_that_freezes_past_every_patience_and_wakes_loses_nothing(
    new_stage, local_broker, size: Sizes
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage = await new_stage(seed=seed, events=120)
            running = await _half(stage, stage.world)
            local_broker.freeze()
            await _given_up(stage, running)
            local_broker.thaw()
            await stage.come_to_rest(running)
            note(episodes=1)
            await stage.clear()


@pytest.mark.timeout(600)
async def test_what_a_broker_never_got_is_sent_again(new_stage, local_broker, size: Sizes) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage = await new_stage(seed=seed, events=120)
            async with proxied(local_broker.behind_proxy, local_broker.proxy_port) as proxy:
                running = await _half(stage, stage.world.through("log", proxy.port))
                proxy.swallow()
                await _given_up(stage, running)
                proxy.cut()
                proxy.heal()
                await stage.come_to_rest(running)
            note(episodes=1)
            await stage.clear()


@pytest.mark.timeout(600)
async def test_a_broker_behind_connections_that_are_cut_and_slow_loses_nothing(
    new_stage, local_broker, size: Sizes
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage, chance = await new_stage(seed=seed, events=120), Random(seed)
            async with proxied(local_broker.behind_proxy, local_broker.proxy_port) as proxy:
                there = stage.world.through("log", proxy.port)
                proxy.delay(chance.choice([0.0, 0.002]))
                running = {role: stage.start(role, world=there) for role in ROLES}
                for _ in range(chance.randrange(3, 9)):
                    await until(partial(_passed, proxy, proxy.passed + chance.randrange(1, 200)))
                    proxy.cut()
                proxy.heal()
                await stage.come_to_rest(running)
            note(episodes=1)
            await stage.clear()


@pytest.mark.timeout(600)
async def test_records_whose_acknowledgement_is_lost_are_sent_again(
    new_stage, local_broker, size: Sizes
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage = await new_stage(seed=seed, events=120)
            async with proxied(local_broker.behind_proxy, local_broker.proxy_port) as proxy:
                running = await _half(stage, stage.world.through("log", proxy.port))
                proxy.cut_at(PRODUCER, "done")
                running["second"] = stage.start("second")
                await until(lambda: proxy.struck > 0, limit_s=60)
                await stage.come_to_rest(running)
            note(episodes=1)
            await stage.clear()


async def _half(stage: Stage, world: World) -> dict[str, BaseProcess]:
    """Let half of everything be told and published by processes of little patience."""
    there = replace(world, broker_s=PATIENCE_S)
    running = {role: stage.start(role, world=there) for role in ("relay", "fold")}
    assert not await stage.ended(stage.start("first"))
    await until(stage.relayed)
    return running


async def _given_up(stage: Stage, running: dict[str, BaseProcess]) -> None:
    """Tell the rest, which who tells does not find harder, and wait until the relay has given up on it."""
    running["second"] = stage.start("second")
    await stage.all_told()
    await until(partial(stage.relay_has_given_up, await stage.relay_epoch()), limit_s=60)


def _passed(proxy, pieces: int) -> bool:
    return proxy.passed > pieces
