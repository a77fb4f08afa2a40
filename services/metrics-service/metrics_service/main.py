"""Composition root: the only file that knows all rooms."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.dead_rows import OPEN_DEAD
from metrics_service.adapters.erased_words import forget_erased
from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.fold_turn import GROUP
from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.adapters.operating import OperatedFold
from metrics_service.adapters.pay_repositories import sql_tx
from metrics_service.adapters.views import sql_reads
from metrics_service.adapters.views_fates import read_fate
from metrics_service.application.fold import Fold
from metrics_service.application.ports import Tx
from metrics_service.application.rebuild import rebuild
from metrics_service.entrypoints.http_adjustments import adjustment_routes
from metrics_service.entrypoints.http_explain import explain_routes
from metrics_service.entrypoints.http_internal import internal_routes
from metrics_service.entrypoints.http_metrics import metric_routes
from metrics_service.entrypoints.http_pay import pay_routes
from metrics_service.entrypoints.http_pay_lists import pay_list_routes
from metrics_service.entrypoints.http_statements import statement_routes
from metrics_service.entrypoints.http_utilization import utilization_routes
from metrics_service.entrypoints.reading import ask_dependency
from metrics_service.entrypoints.scoping import guard_of
from metrics_service.entrypoints.waiting import Views
from metrics_service.settings import DATABASE, NAME, SOURCE
from onefunnel.clock import Clock
from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.envelope import Metadata
from onefunnel.household import Household
from onefunnel.http.app import service_app
from onefunnel.http.auditing import audit_routes
from onefunnel.http.operating import operating_routes
from onefunnel.http.writes import write_dependency
from onefunnel.outbox.intake import Intake
from onefunnel.outbox.lease import new_owner
from onefunnel.outbox.standing import Standing, outbox_standing
from onefunnel.persistence.database import Database
from onefunnel.repeating import now_and_then
from onefunnel.runtime import Runtime
from onefunnel.service import Service
from onefunnel.starting import once_there
from onefunnel.vault.erasing import forgetting
from onefunnel.vault.keyring import Keyring

_LOOK_AGAIN_S: Final = 1.0
_ERASED_EVERY_S: Final = 10.0


def build(runtime: Runtime) -> Service:
    """Wire metrics-service: commands about pay, reads of everything, the fold behind them."""
    house = Household(runtime, NAME, DATABASE, SOURCE)
    app = application(
        runtime.database(DATABASE),
        internal_key=runtime.internal_key,
        clock=runtime.clock,
        wake=runtime.wake,
        worker=partial(runtime.worker_database, DATABASE),
        keyring=runtime.keyring,
    )
    return Service(
        NAME,
        app,
        background=(
            *house.keeping(),
            partial(_fold, runtime),
            partial(_forget_erased, runtime),
        ),
        watch=house.watcher(GROUP, OPEN_DEAD),
    )


def application(
    database: Database,
    *,
    internal_key: bytes,
    clock: Clock,
    wake: Callable[[], None],
    worker: Callable[[], Database],
    keyring: Keyring,
) -> FastAPI:
    """Wire what answers HTTP; `worker` is asked for only where a person operates the fold."""
    views = Views(database.snapshot, partial(sql_reads, keyring), read_fate)
    ask = ask_dependency(views)
    write = write_dependency(database, wake, clock)

    def tx_of(conn: AsyncConnection, metadata: Metadata) -> Tx:
        return sql_tx(keyring, clock, conn, metadata)

    return service_app(
        name=NAME,
        routers=[
            pay_routes(write, tx_of, views),
            adjustment_routes(write, tx_of, views),
            pay_list_routes(ask),
            statement_routes(ask),
            metric_routes(ask),
            utilization_routes(ask),
            explain_routes(ask),
            operating_routes(OperatedFold(database, worker)),
            audit_routes(database),
            internal_routes(ask, partial(_outbox, worker, clock)),
        ],
        internal_key=internal_key,
        ready=partial(_ready, database),
        clock=clock,
        intake=Intake(NAME, partial(_outbox, worker, clock)),
        guard=guard_of(views),
    )


async def _ready(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute(text("SELECT live FROM projection_generation"))


async def _outbox(
    worker: Callable[[], Database], clock: Clock, tenant_id: UUID | None = None
) -> Standing:
    return await outbox_standing(worker(), clock.now(), tenant_id)


async def _fold(runtime: Runtime, stop: asyncio.Event) -> None:
    database = runtime.worker_database(DATABASE)
    generations = PostgresGenerations(database)
    await once_there(partial(_make_current, generations, stop), stop)
    await Fold(PostgresFoldStore(database, new_owner()), runtime.log).run(stop)


async def _make_current(generations: PostgresGenerations, stop: asyncio.Event) -> None:
    """Fold the projections of another release anew: one worker does it, the others wait for it."""
    while not (stop.is_set() or await generations.is_current()):
        try:
            await rebuild(generations)
        except DomainError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
            with suppress(TimeoutError):  # another is at it: look again
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await stop.wait()


async def _forget_erased(runtime: Runtime, stop: asyncio.Event) -> None:
    database, forget = runtime.worker_database(DATABASE), forgetting(runtime.keyring)

    async def bite() -> bool:
        async with database.transaction() as conn:
            return await forget_erased(conn, forget)

    await now_and_then(bite, "erasures", stop, every_s=_ERASED_EVERY_S)
