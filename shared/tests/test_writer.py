"""State and events in one statement, on a real PostgreSQL."""

import contextlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from onefunnel.events.envelope import MAX_RECORD_BYTES, Metadata, Record, decode, encode
from onefunnel.events.lead import LeadAccepted
from onefunnel.log.partitioner import murmur2, partition_of
from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.outbox.writer import StaleVersion, append_only, save
from onefunnel.persistence.migrations import tenant_table_ddl

TENANT = uuid4()
LEAD = Table(
    "lead",
    MetaData(),
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", Integer),
    Column("event_seq", Integer),
    Column("state", Text),
    Column("attributes", JSONB),
)


@pytest.fixture
async def leads(fresh_database):
    fresh = fresh_database(None)
    owner = await asyncpg.connect(fresh.owner_url)
    await owner.execute(
        "CREATE TABLE lead (tenant_id UUID, id UUID, version INT NOT NULL, event_seq INT NOT NULL,"
        " state TEXT, attributes JSONB, PRIMARY KEY (tenant_id, id))"
    )
    for statement in [*tenant_table_ddl("lead"), *OUTBOX_DDL]:
        await owner.execute(statement)
    yield fresh, owner
    await owner.close()


def accepted(lead: UUID, *, after: int = 0, times: int = 1) -> list[Record]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    event = LeadAccepted(lead_id=lead, accepted_by=uuid4(), accepted_at=at)
    metadata = Metadata(TENANT, "/services/lead-service", "system:test", "c", at)
    return encode([event] * times, metadata, after_sequence=after)


def row(lead: UUID, version: int, state: str, event_seq: int = 0) -> dict[str, object]:
    return {
        "tenant_id": TENANT,
        "id": lead,
        "version": version,
        "event_seq": event_seq,
        "state": state,
        "attributes": {"a": [1, "ü"]},
    }


async def test_a_row_and_its_events_are_there_together_and_in_order(leads, open_database):
    fresh, owner = leads
    lead, app = uuid4(), open_database(fresh.app_url)
    first, second = accepted(lead, times=3), accepted(lead, after=3, times=2)
    async with app.tenant(TENANT) as conn:
        await save(conn, LEAD, row(lead, 1, "new", 3), seen=None, records=first)
    async with app.tenant(TENANT) as conn:
        await save(conn, LEAD, row(lead, 2, "accepted", 5), seen=1, records=second)
    sent = await owner.fetch("SELECT * FROM outbox ORDER BY id")
    assert [r["record"] for r in sent] == [r.value for r in first + second]
    assert [decode(r["record"]).sequence for r in sent] == ["1", "2", "3", "4", "5"]
    assert {(r["tenant_id"], r["key"], r["topic"]) for r in sent} == {
        (TENANT, lead, "onefunnel.lead.v1")
    }
    assert {r["partition"] for r in sent} == {partition_of(lead, 12)}
    assert await owner.fetchval("SELECT state FROM lead") == "accepted"
    assert await owner.fetchval("SELECT attributes->'a'->>1 FROM lead") == "ü"


@pytest.mark.parametrize("seen", [None, 7])
async def test_a_stale_version_writes_neither_row_nor_event(leads, open_database, seen):
    fresh, owner = leads
    lead, app = uuid4(), open_database(fresh.app_url)
    async with app.tenant(TENANT) as conn:
        await save(conn, LEAD, row(lead, 1, "new"), seen=None, records=[])
    with pytest.raises(StaleVersion):
        async with app.tenant(TENANT) as conn:
            await save(conn, LEAD, row(lead, 8, "late"), seen=seen, records=accepted(lead))
    assert await owner.fetchval("SELECT count(*) FROM outbox") == 0
    assert await owner.fetchval("SELECT state FROM lead") == "new"


async def test_a_stale_save_adds_no_event_even_if_its_error_is_swallowed(leads, open_database):
    fresh, owner = leads
    lead, app = uuid4(), open_database(fresh.app_url)
    async with app.tenant(TENANT) as conn:
        for seen in (None, 1):
            with contextlib.suppress(StaleVersion):
                await save(conn, LEAD, row(lead, 1, "new"), seen=None, records=accepted(lead))
            with contextlib.suppress(StaleVersion):
                await save(conn, LEAD, row(lead, 8, "x"), seen=seen and 7, records=accepted(lead))
    assert await owner.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_command_without_an_event_saves_the_row_alone(leads, open_database):
    fresh, owner = leads
    app = open_database(fresh.app_url)
    async with app.tenant(TENANT) as conn:
        await save(conn, LEAD, row(uuid4(), 1, "new"), seen=None, records=[])
    assert await owner.fetchval("SELECT count(*) FROM lead") == 1
    assert await owner.fetchval("SELECT count(*) FROM outbox") == 0


async def test_events_without_an_aggregate_are_appended_for_the_tenant_of_the_transaction(
    leads, open_database
):
    fresh, owner = leads
    app = open_database(fresh.app_url)
    async with app.tenant(TENANT) as conn:
        await append_only(conn, [])
        await append_only(conn, accepted(uuid4(), times=2))
    assert await owner.fetchval("SELECT array_agg(tenant_id) FROM outbox") == [TENANT, TENANT]


async def test_a_request_cannot_read_or_remove_what_is_in_the_outbox(leads, open_database):
    fresh, _ = leads
    app = open_database(fresh.app_url)
    for statement in ("SELECT 1 FROM outbox", "DELETE FROM outbox", "SELECT 1 FROM relay_lease"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with app.tenant(TENANT) as conn:
                await conn.exec_driver_sql(statement)


async def test_an_oversized_record_is_refused_with_its_row(leads, open_database):
    fresh, owner = leads
    lead, app = uuid4(), open_database(fresh.app_url)
    big = Record(uuid4(), "onefunnel.lead.v1", lead, b"x" * (MAX_RECORD_BYTES + 1))
    with pytest.raises(asyncpg.CheckViolationError, match="outbox_record_check"):
        async with app.tenant(TENANT) as conn:
            await save(conn, LEAD, row(lead, 1, "new"), seen=None, records=[big])
    assert await owner.fetchval("SELECT count(*) FROM lead") == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # from Kafka's own UtilsTest, as signed integers
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_partitioner_agrees_with_the_java_client(text, expected):
    assert murmur2(text.encode()) == expected & 0xFFFFFFFF


def test_every_partition_gets_its_share_of_keys():
    counts = [0] * 12
    for n in range(6000):
        counts[partition_of(UUID(int=n << 64), 12)] += 1
    assert min(counts) > 350
