"""What other services say, noted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from lead_service.adapters.batches import StoredBatch
from lead_service.adapters.crm_records import stored_records
from lead_service.adapters.qualifications import StoredQualifications
from lead_service.entrypoints.consumers import handlers
from lead_service.settings import SOURCE
from onefunnel.clock import SystemClock
from onefunnel.events.envelope import Metadata, decode, encode
from onefunnel.events.scoring import LeadQualified
from onefunnel.events.values import LeadId
from onefunnel.ids import new_id
from onefunnel.persistence.database import Database
from onefunnel.vault.keyring import Keyring

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYRING = Keyring(b"a key for tests only, 32 bytes..")


def reacting():
    return handlers(
        StoredQualifications, stored_records, partial(StoredBatch, KEYRING), SystemClock(), SOURCE
    )


async def react(database: Database, tenant_id: UUID, lead_id: str, at: datetime) -> None:
    event = LeadQualified(lead_id=LeadId(UUID(lead_id)), definition_version=1, qualified_at=at)
    metadata = Metadata(tenant_id, "/services/scoring-service", "system:test", "c", at)
    (record,) = encode((event,), metadata)
    handler = reacting()["onefunnel.lead.qualified.v1"]
    async with database.transaction() as conn:
        await handler(conn, decode(record.value), event)


async def test_the_earliest_qualification_counts_and_reaches_the_deals_origin(
    caller: Any, open_database: Callable[..., Database]
) -> None:
    lead = await caller.made("/v1/leads", {})
    worker = open_database(caller.database.worker_url)
    for days in (2, 1, 3):
        await react(worker, caller.tenant_id, lead["id"], AT + timedelta(days=days))
    read = (await caller.get(f"/v1/leads/{lead['id']}")).json()
    assert read["qualified_at"] == "2026-05-02T12:00:00Z"
    assert read["version"] == lead["version"]
    deal = await caller.made(f"/v1/leads/{lead['id']}/convert", {})
    assert deal["origin"]["steps"]["mql"] == "2026-05-02T12:00:00Z"


async def test_a_correction_does_not_undo_a_qualification_noted_meanwhile(
    caller: Any, open_database: Callable[..., Database]
) -> None:
    lead = await caller.made("/v1/leads", {})
    await react(open_database(caller.database.worker_url), caller.tenant_id, lead["id"], AT)
    path = f"/v1/leads/{lead['id']}"
    assert (await caller.send("PATCH", path, {"name": "E"}, If_Match='"1"')).status_code == 200
    assert (await caller.get(path)).json()["qualified_at"] == "2026-05-01T12:00:00Z"


async def test_a_lead_that_is_not_there_or_of_another_tenant_is_nothing_to_note(
    caller: Any, open_database: Callable[..., Database]
) -> None:
    lead = await caller.made("/v1/leads", {})
    before = await caller.state()
    worker = open_database(caller.database.worker_url)
    await react(worker, caller.tenant_id, str(new_id()), AT)
    await react(worker, new_id(), lead["id"], AT)
    assert await caller.state() == before
