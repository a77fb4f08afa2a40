"""The processes of a world: producers, relays and folds as the product runs them, each forked from one that is ready.

A process dies where it is told to: `fault` is the name of a point and the time it is passed.
"""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from multiprocessing.process import BaseProcess
from typing import Any, Final

import uvloop
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.application import fold_differences
from metrics_service.application.fold import Fold, Limits
from metrics_service.application.rebuild import rebuild as rebuilding
from onefunnel import faults, telemetry
from onefunnel.log import kafka_session, members
from onefunnel.outbox.lease import new_owner
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.writer import append_only, save
from onefunnel.persistence import database
from onefunnel.persistence.database import (
    DRIVER_ERRORS,
    Database,
    NotCommitted,
    StorageUnavailable,
)
from onefunnel.service import stop_on_signals
from onefunnel.testing.faults import Killer
from onefunnel.wakeups import Wakeups

from .company import Told, company
from .notes import Notebook, acknowledged
from .world import SOURCE, THING, World, open_log

Fault = tuple[str, int, str]  # the point, the time it is passed, KILL or STOP
Role = Callable[[World, asyncio.Event], Awaitable[None]]

PRODUCERS: Final = 2
END_S: Final = 60
_PAUSE_S: Final = 0.05
_CHOKES_AT: Final = 16  # of 256 events
_REPEATABLE: Final = (StorageUnavailable, NotCommitted, DBAPIError, *DRIVER_ERRORS)


async def produce(world: World, part: int, stop: asyncio.Event) -> None:
    """Tell a part of the company, in order, each until it is acknowledged; go on where notes end."""
    writes = Database(world.service.app_url, pool_size=1, name="producer")
    notes = Notebook(world.notes)
    for told in still_to_tell(world, part):
        while not stop.is_set():
            try:
                await tell(writes, told)
            except _REPEATABLE:
                await _rest(stop, _PAUSE_S)
            else:
                notes.acknowledged(told.number)
                if world.pace_s:
                    await _rest(stop, world.pace_s)
                break
    await writes.close()


def still_to_tell(world: World, part: int) -> Sequence[Told]:
    """Return what a producer has not been told to be in."""
    known = acknowledged(world.notes)
    told = company(world.seed, world.events)
    mine = (one for one in told if one.aggregate.int % PRODUCERS == part)
    return [one for one in mine if one.number not in known]


async def tell(writes: Database, told: Told) -> None:
    """Save one event with its aggregate, unless an attempt before was in after all."""
    async with writes.tenant(told.tenant) as conn:
        if not told.ordered:
            await append_only(conn, [told.record])
            return
        query = select(THING.c.version).where(THING.c.id == told.aggregate)
        seen = (await conn.execute(query)).scalar() or 0
        number = told.fact.sequence
        if seen < number:
            assert seen == number - 1, "what was acknowledged is gone"
            row = {
                "tenant_id": told.tenant,
                "id": told.aggregate,
                "version": number,
                "event_seq": number,
            }
            await save(conn, THING, row, seen=seen or None, records=[told.record])


async def relay(world: World, stop: asyncio.Event) -> None:
    """Relay as a worker process does."""
    outbox = Database(world.service.worker_url, pool_size=1, name="relay")
    log, wakeups = open_log(world), Wakeups()
    listener = wakeups.listen()
    waking = asyncio.create_task(_wake_at(stop, wakeups))
    await Relay(outbox, log, SOURCE, listener).run(stop)
    await waking
    await log.close()


async def fold(world: World, stop: asyncio.Event) -> None:
    """Fold as a worker process does, with short turns and pauses."""
    store = PostgresFoldStore(
        Database(world.metrics.worker_url, pool_size=2, name="fold"), new_owner()
    )
    log = open_log(world)
    limits = Limits(
        events=world.turn, wait_s=0.05, look_after_s=0.1, first_pause_s=0.02, last_pause_s=0.2
    )
    await Fold(store, log, limits).run(stop)
    await log.close()


async def choking_fold(world: World, stop: asyncio.Event) -> None:
    """Fold as a release with a bug does: some events make it fail, the same ones in every life."""
    real = fold_differences.apply

    def choke(facts: object, incoming: Any) -> None:
        if blake2b(incoming.event_id.bytes, digest_size=1).digest()[0] < _CHOKES_AT:
            raise ZeroDivisionError
        real(facts, incoming)  # type: ignore[arg-type]

    vars(fold_differences).update(apply=choke)
    await fold(world, stop)


async def rebuild(world: World, _stop: asyncio.Event) -> None:
    """Rebuild once and end."""
    metrics = Database(world.metrics.worker_url, pool_size=2, name="rebuild")
    await rebuilding(PostgresGenerations(metrics))


async def produce_first(world: World, stop: asyncio.Event) -> None:
    """Tell the first part."""
    await produce(world, 0, stop)


async def produce_second(world: World, stop: asyncio.Event) -> None:
    """Tell the second part."""
    await produce(world, 1, stop)


ROLES: Final[dict[str, Role]] = {
    "first": produce_first, "second": produce_second, "relay": relay, "fold": fold, "rebuild": rebuild,
    "choking fold": choking_fold,
}  # fmt: skip


def start(role: str, world: World, fault: Fault | None = None) -> BaseProcess:
    """Start a process of a world."""
    process = _forks().Process(target=_run, args=(role, world, fault), daemon=True)
    process.start()
    return process


def _forks() -> multiprocessing.context.ForkServerContext:
    """Return what forks from a process that has imported everything: a start takes milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _run(role: str, world: World, fault: Fault | None) -> None:
    telemetry.configure_logs(role)
    if fault:
        name, times, what = fault
        faults.install(Killer(name, times, signal.Signals[f"SIG{what}"]))
    # Constants of the product, shorter for the time of a test; mypy calls them final.
    vars(database).update(ANSWER_TIMEOUT_S=world.answer_s, IDLE_IN_TRANSACTION_MS=world.idle_ms)
    vars(kafka_session).update(CALL_TIMEOUT_S=world.broker_s)
    vars(members).update(LEASE_S=world.lease_s)
    if world.skew_s:
        _shift_the_clock(world.skew_s)
    uvloop.run(_until_stopped(ROLES[role], world))


async def _until_stopped(role: Role, world: World) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await role(world, stop)


def _shift_the_clock(seconds: float) -> None:
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)


async def _wake_at(stop: asyncio.Event, wakeups: Wakeups) -> None:
    await stop.wait()
    wakeups.wake()


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
