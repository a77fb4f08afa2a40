"""Composition root: the only file that knows all rooms of the lead service."""

from functools import partial
from typing import Final

import orjson
from pydantic import TypeAdapter

from lead_service.adapters.batches import StoredBatch
from lead_service.adapters.crm_records import stored_records
from lead_service.adapters.erased_list import erased_list
from lead_service.adapters.measuring import NAMES, HeldUp
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
from onefunnel.audit.witness import row_without_request
from onefunnel.events.envelope import Metadata
from onefunnel.household import Household, Reacting
from onefunnel.http.principal import Principal
from onefunnel.ids import new_id
from onefunnel.measured import Measured
from onefunnel.persistence.database import driver_of
from onefunnel.runtime import Runtime
from onefunnel.service import Service

RESTORER: Final = "system:restore"
_erased: Final = TypeAdapter(Erased)


def build(runtime: Runtime) -> Service:
    """Put the lead service together on a runtime."""
    house, keyring = Household(runtime, NAME, DATABASE, SOURCE), runtime.keyring
    batch = partial(StoredBatch, keyring)
    heard = handlers(StoredQualifications, stored_records, batch, runtime.clock, SOURCE)
    reacting = Reacting(house, GROUP, heard)
    database = runtime.database(DATABASE)
    queries = stored_queries(database, keyring)
    app = reacting.app(ROUTERS, guard_of(queries.circles, runtime.clock))
    app.state.wiring = Wiring(
        database=database,
        wake=runtime.wake,
        clock=runtime.clock,
        tx=partial(stored_tx, keyring),
        batch=batch,
        queries=queries,
        outbox=house.outbox,
        reactions=reacting.operated.standing,
    )
    held_up = HeldUp(runtime.worker_database(DATABASE))
    watch = Measured(NAME, house.watcher(GROUP), held_up, NAMES, runtime.clock)
    return Service(NAME, app, background=reacting.background(), watch=watch)


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
