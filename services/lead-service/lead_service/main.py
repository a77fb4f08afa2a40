"""Composition root: the only file that knows all rooms of the lead service."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import text

from lead_service.adapters.batches import StoredBatch
from lead_service.adapters.crm_records import stored_records
from lead_service.adapters.qualifications import StoredQualifications
from lead_service.adapters.transactions import stored_tx
from lead_service.adapters.views import stored_queries
from lead_service.entrypoints.consumers import GROUP, handlers
from lead_service.entrypoints.http import ROUTERS
from lead_service.entrypoints.wiring import Wiring
from lead_service.settings import DATABASE, NAME, SOURCE
from onefunnel.http.app import service_app
from onefunnel.http.forgetting import forget_answers
from onefunnel.log.consumer import Reactions
from onefunnel.outbox.relay import Relay
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime
from onefunnel.service import Background, Service


def build(runtime: Runtime) -> Service:
    """Put the lead service together on a runtime."""
    database = runtime.database(DATABASE)

    async def ready() -> None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT 1"))

    app = service_app(
        name=NAME,
        routers=ROUTERS,
        internal_key=runtime.internal_key,
        ready=ready,
        clock=runtime.clock,
    )
    app.state.wiring = Wiring(
        database=database,
        wake=runtime.wake,
        clock=runtime.clock,
        tx=stored_tx,
        batch=StoredBatch,
        queries=stored_queries(database),
        outbox=lambda: outbox_status(runtime.worker_database(DATABASE), runtime.clock.now()),
    )
    return Service(
        NAME, app, background=(relay(runtime), reactions(runtime), partial(_forget, runtime))
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
        handlers(StoredQualifications, stored_records, StoredBatch, runtime.clock, SOURCE),
        wake=runtime.wake,
    ).run


_OLDEST: Final = text(
    """SELECT count(*) AS depth,
              (SELECT event_id FROM outbox ORDER BY id LIMIT 1) AS oldest FROM outbox"""
)


async def outbox_status(database: Database, now: datetime) -> Mapping[str, object]:
    """Return how many events of all tenants wait for the relay, and how long the oldest has waited."""
    async with database.transaction() as conn:
        row = (await conn.execute(_OLDEST)).one()
    if row.oldest is None:
        return {"depth": 0, "oldest_age_s": 0.0}
    # A UUIDv7 begins with its milliseconds.
    born_s = int.from_bytes(row.oldest.bytes[:6]) / 1000
    return {"depth": row.depth, "oldest_age_s": round(max(0.0, now.timestamp() - born_s), 3)}


async def _forget(runtime: Runtime, stop: asyncio.Event) -> None:
    await forget_answers(runtime.worker_database(DATABASE), runtime.clock, stop)
