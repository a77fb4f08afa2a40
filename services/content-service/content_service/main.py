"""The composition root: the only file that knows all rooms."""

import asyncio
from collections.abc import Mapping
from functools import partial

from sqlalchemy import text

from content_service.adapters.repositories import open_tx
from content_service.adapters.views import SqlViews
from content_service.entrypoints.http import ROUTERS
from content_service.entrypoints.wiring import Wiring
from content_service.settings import DATABASE, GROUP, NAME, SOURCE
from onefunnel.audit.sealer import keep_sealing
from onefunnel.http.app import service_app
from onefunnel.http.auditing import audit_routes
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.operating import operating_routes
from onefunnel.log.arrivals import Handler
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import COUNT_OPEN
from onefunnel.log.operating import OperatedReactions
from onefunnel.outbox.intake import Intake
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.standing import Standing, outbox_standing
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime
from onefunnel.service import Service
from onefunnel.vault.erasing import ERASED, forgetting
from onefunnel.watch import Consumer, Watcher


def build(runtime: Runtime) -> Service:
    """Put content-service together on a runtime."""
    database, keyring = runtime.database(DATABASE), runtime.keyring
    operated = OperatedReactions(
        partial(runtime.worker_database, DATABASE), GROUP, _handlers(runtime), runtime.wake
    )
    app = service_app(
        name=NAME,
        routers=(*ROUTERS, operating_routes(operated), audit_routes(database)),
        internal_key=runtime.internal_key,
        ready=partial(_ready, database),
        clock=runtime.clock,
        intake=Intake(NAME, partial(_outbox, runtime)),
    )
    app.state.wiring = Wiring(
        database=database,
        wake=runtime.wake,
        clock=runtime.clock,
        source=SOURCE,
        tx_of=partial(open_tx, keyring),
        views_of=partial(SqlViews, keyring),
        outbox=partial(_outbox, runtime),
        reactions=operated.standing,
    )
    return Service(
        NAME,
        app,
        background=(
            partial(_relay, runtime),
            partial(_react, runtime),
            partial(_forget, runtime),
            partial(_seal, runtime),
        ),
        watch=Watcher(
            NAME,
            runtime.worker_database(DATABASE),
            runtime.clock,
            Consumer(GROUP, COUNT_OPEN, runtime.log),
        ),
    )


async def _ready(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute(text("SELECT 1"))


async def _outbox(runtime: Runtime) -> Standing:
    return await outbox_standing(runtime.worker_database(DATABASE), runtime.clock.now())


async def _relay(runtime: Runtime, stop: asyncio.Event) -> None:
    database, wake = runtime.worker_database(DATABASE), runtime.wakeups.listen()
    await Relay(database, runtime.log, SOURCE, wake).run(stop)


async def _react(runtime: Runtime, stop: asyncio.Event) -> None:
    database = runtime.worker_database(DATABASE)
    await Reactions(database, runtime.log, GROUP, _handlers(runtime)).run(stop)


def _handlers(runtime: Runtime) -> Mapping[str, Handler]:
    return {ERASED: forgetting(runtime.keyring)}


async def _forget(runtime: Runtime, stop: asyncio.Event) -> None:
    await forget_answers(runtime.worker_database(DATABASE), runtime.clock, stop)


async def _seal(runtime: Runtime, stop: asyncio.Event) -> None:
    await keep_sealing(runtime.worker_database(DATABASE), runtime.internal_key, stop)
