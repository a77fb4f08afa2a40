"""The outbox: a queue of finished events that the log has not acknowledged yet."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Uuid,
)
from sqlalchemy import Text as TextType

from onefunnel.events.envelope import MAX_RECORD_BYTES
from onefunnel.persistence.migrations import worker_table_ddl
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

OUTBOX: Final = Table(
    "outbox",
    MetaData(),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("topic", TextType, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
)

_MINE: Final = "tenant_id = current_setting('app.tenant')::uuid"

OUTBOX_DDL: Final = (
    f"""CREATE TABLE outbox (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id UUID NOT NULL,
        event_id UUID NOT NULL,
        key UUID NOT NULL,
        topic TEXT NOT NULL,
        partition SMALLINT NOT NULL,
        record BYTEA NOT NULL CHECK (octet_length(record) <= {MAX_RECORD_BYTES})
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)""",
    # The log compresses whole batches; compressing each row on the way there is wasted.
    "ALTER TABLE outbox ALTER COLUMN record SET STORAGE EXTERNAL",
    "ALTER TABLE outbox ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE outbox FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY tenant ON outbox USING ({_MINE}) WITH CHECK ({_MINE})",
    f"GRANT INSERT ON outbox TO {APP_ROLE}",  # a request may add an event, never read or remove one
    f"GRANT SELECT, INSERT, DELETE ON outbox TO {WORKER_ROLE}",
    """CREATE TABLE relay_lease (
        name TEXT PRIMARY KEY,
        epoch BIGINT NOT NULL,
        owner TEXT,
        lease_until TIMESTAMPTZ
    )""",
    *worker_table_ddl("relay_lease"),
)
