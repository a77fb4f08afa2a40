"""Composition root: the only file that knows all rooms of the lead service."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

import orjson
from pydantic import TypeAdapter
from sqlalchemy import text

from lead_service.adapters.batches import StoredBatch
from lead_service.adapters.crm_records import stored_records
from lead_service.adapters.erased_list import erased_list
from lead_service.adapters.qualifications import StoredQualifications
from lead_service.adapters.transactions import stored_tx
from lead_service.adapters.views import stored_queries
from lead_service.application.commands.erasures import erase_again
from lead_service.domain.erasure import Erased
from lead_service.entrypoints.consumers import GROUP, handlers
from lead_service.entrypoints.http import ROUTERS
from lead_service.entrypoints.owning import guard_of
from lead_service.entrypoints.wiring import Wiring
from lead_service.settings import DATABASE, NAME, SOURCE
from onefunnel.audit.entry import Marks
from onefunnel.audit.rows import add
from onefunnel.audit.sealer import keep_sealing
from onefunnel.audit.witness import row_without_request
from onefunnel.events.envelope import Metadata
from onefunnel.http.app import service_app
from onefunnel.http.auditing import audit_routes
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.operating import operating_routes
from onefunnel.http.principal import Principal
from onefunnel.ids import new_id
from onefunnel.log.arrivals import Handler
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import COUNT_OPEN
from onefunnel.log.operating import OperatedReactions
from onefunnel.outbox.intake import Intake
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.standing import Standing, outbox_standing
from onefunnel.persistence.database import driver_of
from onefunnel.runtime import Runtime
from onefunnel.service import Background, Service
from onefunnel.watch import Consumer, Watcher

RESTORER: Final = "system:restore"
_erased: Final = TypeAdapter(Erased)


def build(runtime: Runtime) -> Service:
    """Put the lead service together on a runtime."""
    database, keyring = runtime.database(DATABASE), runtime.keyring

    operated = OperatedReactions(
        partial(runtime.worker_database, DATABASE), GROUP, _handlers(runtime), runtime.wake
    )

    async def ready() -> None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT 1"))

    outbox = partial(_outbox, runtime)
    queries = stored_queries(database, keyring)
    app = service_app(
        name=NAME,
        routers=(*ROUTERS, operating_routes(operated), audit_routes(database)),
        internal_key=runtime.internal_key,
        ready=ready,
        clock=runtime.clock,
        intake=Intake(NAME, outbox),
        guard=guard_of(queries.circles, runtime.clock),
    )
    app.state.wiring = Wiring(
        database=database,
        wake=runtime.wake,
        clock=runtime.clock,
        tx=partial(stored_tx, keyring),
        batch=partial(StoredBatch, keyring),
        queries=queries,
        outbox=outbox,
        reactions=operated.standing,
    )
    return Service(
        NAME,
        app,
        background=(
            relay(runtime),
            reactions(runtime),
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


def relay(runtime: Runtime) -> Background:
    """Return what carries this service's events to the log."""

    async def run(stop: asyncio.Event) -> None:
        await Relay(
            runtime.worker_database(DATABASE), runtime.log, SOURCE, runtime.wakeups.listen()
        ).run(stop)

    return run


def reactions(runtime: Runtime) -> Background:
    """Return what listens to the other services."""
    return Reactions(
        runtime.worker_database(DATABASE),
        runtime.log,
        GROUP,
        _handlers(runtime),
        wake=runtime.wake,
    ).run


async def _outbox(runtime: Runtime) -> Standing:
    return await outbox_standing(runtime.worker_database(DATABASE), runtime.clock.now())


def _handlers(runtime: Runtime) -> Mapping[str, Handler]:
    batch = partial(StoredBatch, runtime.keyring)
    return handlers(StoredQualifications, stored_records, batch, runtime.clock, SOURCE)


async def list_erased(runtime: Runtime) -> bytes:
    """Return who was erased, one JSON object a line: to be kept where the database is not."""
    async with runtime.worker_database(DATABASE).transaction() as conn:
        found = await erased_list(conn)
    return b"".join(orjson.dumps(one, default=str) + b"\n" for one in found)


async def replay_erased(runtime: Runtime, lines: bytes) -> int:
    """Erase anew whom a restore has brought back, before anybody is served; return how many they were.

    Each is a transaction of its own, with its row of the audit.
    """
    database, keyring, again = runtime.worker_database(DATABASE), runtime.keyring, 0
    for erased in map(_erased.validate_json, lines.splitlines()):
        now, request_id = runtime.clock.now(), str(new_id())
        metadata = Metadata(erased.tenant_id, SOURCE, RESTORER, request_id, now)
        row = row_without_request(
            Principal(erased.tenant_id, RESTORER, "admin"),
            Marks(runtime.internal_key),
            now,
            ("erasure", "replay"),
            subject=str(erased.subject_id),
        )
        async with database.tenant(erased.tenant_id) as conn:
            if await erase_again(erased, tx=stored_tx(keyring, conn, metadata)):
                await add(driver_of(conn), row)
                again += 1
    return again


async def _forget(runtime: Runtime, stop: asyncio.Event) -> None:
    await forget_answers(runtime.worker_database(DATABASE), runtime.clock, stop)


async def _seal(runtime: Runtime, stop: asyncio.Event) -> None:
    await keep_sealing(runtime.worker_database(DATABASE), runtime.internal_key, stop)
