"""A service in small, for tests of the relay and of reactions: one aggregate, one outbox, one effect."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import Column, Integer, MetaData, Table, Uuid
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.audit.table import AUDIT_DDL
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope, Metadata, Record, decode, encode
from onefunnel.events.lead import LeadAccepted
from onefunnel.ids import new_id
from onefunnel.log.arrivals import Handler
from onefunnel.log.inbox import INBOX_DDL
from onefunnel.log.members import STREAM_MEMBER_DDL
from onefunnel.log.port import EventLog, Outgoing, Partition
from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.outbox.writer import save
from onefunnel.persistence.database import Database, driver_of
from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.persistence.urls import WORKER_ROLE

TENANT: Final = UUID(int=1)
SOURCE: Final = "/services/lead-service"
TOPIC: Final = "onefunnel.lead.v1"
AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
METADATA: Final = Metadata(TENANT, SOURCE, "system:test", "correlation", AT)
LEAD: Final = Table(
    "lead",
    MetaData(),
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", Integer),
    Column("event_seq", Integer),
)


GROUP: Final = "small-service"
ACCEPTED: Final = "onefunnel.lead.accepted.v1"


async def note_effect(conn: AsyncConnection, envelope: Envelope, _event: Event) -> None:
    """Write down that an event took effect; nothing here stops a second time."""
    query = "INSERT INTO effect VALUES ($1, $2, $3)"
    sequence = int(envelope.sequence or 0)
    await driver_of(conn).execute(query, envelope.id, envelope.subject, sequence)


HANDLERS: Final[Mapping[str, Handler]] = {ACCEPTED: note_effect}


async def create_tables(owner_url: str) -> None:
    """Make the tables of the small service."""
    owner = await asyncpg.connect(owner_url)
    await owner.execute(
        "CREATE TABLE lead (tenant_id UUID, id UUID, version INT NOT NULL, event_seq INT NOT NULL,"
        " PRIMARY KEY (tenant_id, id))"
    )
    # What reactions do here: count, per event, so that a second time shows.
    await owner.execute("CREATE TABLE effect (event_id UUID, lead_id UUID, sequence INT)")
    await owner.execute(f"GRANT ALL ON effect TO {WORKER_ROLE}")
    ours = [*OUTBOX_DDL, *INBOX_DDL, *STREAM_MEMBER_DDL, *AUDIT_DDL]
    for statement in [*tenant_table_ddl("lead"), *ours]:
        await owner.execute(statement)
    await owner.close()


def accepted(lead: UUID, after: int = 0, times: int = 1) -> list[Record]:
    """Return finished events of a lead."""
    event = LeadAccepted(lead_id=lead, accepted_by=UUID(int=2), accepted_at=AT)
    return encode([event] * times, METADATA, after_sequence=after)


async def write(database: Database, lead: UUID, version: int, events: int = 1) -> list[Record]:
    """Save one more version of a lead; each has `events` events."""
    records = accepted(lead, (version - 1) * events, events)
    row = {"tenant_id": TENANT, "id": lead, "version": version, "event_seq": version * events}
    async with database.tenant(TENANT) as conn:
        seen = version - 1 or None
        await save(conn, LEAD, row, seen=seen, records=records)
    return records


async def written(database: Database, leads: int, versions: int = 1) -> list[Record]:
    """Save several leads several times and return all records."""
    ids = [new_id() for _ in range(leads)]
    return [
        record
        for version in range(1, versions + 1)
        for lead in ids
        for record in await write(database, lead, version)
    ]


async def publish(log: EventLog, values: Sequence[bytes], *, epoch: int, number: int = 0) -> None:
    """Append raw values to one partition of the topic, as a relay would."""
    writer = await log.open_writer(SOURCE, epoch)
    await writer.append([Outgoing(TOPIC, number, UUID(int=9), value) for value in values])
    await writer.close()


async def everything(log: EventLog, topic: str = TOPIC, partitions: int = 12) -> list[bytes]:
    """Return all that is in a topic, partition by partition, in order."""
    reader = log.reader()
    values: list[bytes] = []
    for number in range(partitions):
        at = 0
        while found := await reader.fetch(
            {Partition(topic, number): at}, max_records=10_000, max_bytes=1 << 26, wait_s=0
        ):
            slice_ = found[Partition(topic, number)]
            values += slice_.values
            at = slice_.next_position
    await reader.close()
    return values


def sequences(values: Sequence[bytes]) -> dict[UUID, list[int]]:
    """Return the sequences of each aggregate in the order of the log."""
    found: dict[UUID, list[int]] = {}
    for value in values:
        envelope = decode(value)
        found.setdefault(envelope.subject, []).append(int(envelope.sequence or 0))
    return found


def without_repeats(numbers: Sequence[int]) -> list[int]:
    """Drop what was there already: exact duplicates are allowed on the log."""
    return list(dict.fromkeys(numbers))
