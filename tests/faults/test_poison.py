"""Events that make the fold fail, and records that are no events, in the middle of everything else."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess
from uuid import UUID

import asyncpg
import pytest

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.application import fold_dead
from metrics_service.application.fold_ports import Retry
from onefunnel.audit.entry import Marked
from onefunnel.errors import DomainError
from onefunnel.ids import new_id
from onefunnel.outbox.lease import new_owner
from onefunnel.persistence.database import Database
from onefunnel.testing.auditing import done_by
from onefunnel.testing.waiting import until

from .company import Told
from .figures import note, seeded
from .sizes import Sizes
from .stage import BOTH_LOGS, Stage

DEAL = "onefunnel.deal.v1"
OPEN = "SELECT dead_id FROM dead_event WHERE status = 'open' ORDER BY dead_id"
PUT = """
    INSERT INTO outbox (tenant_id, event_id, key, topic, partition, record)
    VALUES ($1, $2, $3, $4, $5, $6)"""


@pytest.fixture
async def looking(new_stage):
    """Return a function that makes a stage and connects to its databases."""
    opened = []

    async def look(seed: int):
        stage = await new_stage(seed=seed, events=300)
        metrics = await asyncpg.connect(stage.world.metrics.owner_url)
        service = await asyncpg.connect(stage.world.service.owner_url)
        opened.extend([metrics, service])
        return stage, metrics, service

    yield look
    for connection in opened:
        await connection.close()


@pytest.mark.timeout(1_800)
async def test_what_a_bug_set_aside_is_as_if_it_had_never_failed_once_it_is_redriven(
    looking, size: Sizes
) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage, metrics, _ = await looking(seed)
            running = _load(stage)
            choking = stage.start("choking fold")
            await until(partial(metrics.fetchval, f"SELECT count(*) > 4 FROM ({OPEN}) d"))
            await stage.stop(choking)  # the next release is without the bug
            running["fold"] = stage.start("fold")
            redriven = await asyncio.gather(_redrive(stage), _redrive(stage))
            await stage.come_to_rest(running)
            note(episodes=1, poisoned=sum(redriven))
            await stage.clear()


@pytest.mark.timeout(1_800)
@BOTH_LOGS
async def test_garbage_among_the_events_is_set_aside_and_stops_nobody(looking, size: Sizes) -> None:
    for seed in range(size.first_seed, size.first_seed + size.episodes):
        with seeded(seed):
            stage, metrics, service = await looking(seed)
            running = {**_load(stage), "fold": stage.start("fold")}
            deal = next(told for told in stage.told if told.record.topic == DEAL)
            garbage = garbage_like(deal)
            for value in garbage:
                await stage.some_more_told(5)
                await service.execute(PUT, deal.tenant, new_id(), new_id(), DEAL, 3, value)
            await stage.at_rest(running)
            set_aside = [row[0] for row in await metrics.fetch(OPEN)]
            assert len(set_aside) == len(garbage)
            await _discard(stage, set_aside)
            await stage.check(garbage=garbage)
            note(episodes=1, poisoned=len(garbage))
            await stage.clear()


def _load(stage: Stage) -> dict[str, BaseProcess]:
    """Let producers tell slowly enough for something to happen in between."""
    slowly = replace(stage.world, pace_s=0.01)
    running = {role: stage.start(role, world=slowly) for role in ("first", "second")}
    return {**running, "relay": stage.start("relay")}


def an_operator() -> Marked:
    """Return who does it, for the audit."""
    return done_by("an operator", new_id())


def garbage_like(told: Told) -> list[bytes]:
    """Return records of deals that nobody can fold: no JSON, no envelope, another type, another value."""
    value, own = told.record.value, str(told.record.event_id).encode()
    types = [word for word in value.split(b'"') if word.startswith(b"onefunnel.deal.")]

    def new(text: bytes) -> bytes:
        return text.replace(own, str(new_id()).encode()).replace(
            str(told.record.key).encode(), str(UUID(int=new_id().int)).encode()
        )

    return [
        b"\xff\x00 no JSON",
        b"[]",
        b"{}",
        new(value)[: len(value) // 2],
        new(value.replace(types[0], b"onefunnel.deal.unheard_of.v1")),
        new(value.replace(types[0], types[0].replace(b".v1", b".v9"))),
        new(value.replace(b'"data":{', b'"data":{"deal_id":7,"x":{')) + b"}",
    ]


async def _redrive(stage: Stage) -> int:
    """Redrive what is open until nothing is, as one of two operators who do not know of each other."""
    metrics, store, done = await asyncpg.connect(stage.world.metrics.owner_url), _store(stage), 0
    try:
        while ids := [row[0] for row in await metrics.fetch(OPEN)]:
            for dead_id in ids:
                with suppress(DomainError, Retry):  # the other one was faster, or is at it
                    redriven = await fold_dead.redrive(store, dead_id, an_operator()) == "redriven"
                    done += redriven
    finally:
        await store.close()
        await metrics.close()
    return done


async def _discard(stage: Stage, set_aside: list[int]) -> None:
    store = _store(stage)
    for dead_id in set_aside:
        await fold_dead.discard(store, dead_id, an_operator())
    await store.close()


def _store(stage: Stage) -> PostgresFoldStore:
    database = Database(stage.world.metrics.worker_url, pool_size=1, name="operator")
    return PostgresFoldStore(database, new_owner())
