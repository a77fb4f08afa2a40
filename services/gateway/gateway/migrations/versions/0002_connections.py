"""Connections to CRMs, their deliveries, and the outbox of what they tell."""

from alembic import op

from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

revision = "0002"
down_revision = "0001"

_DDL = (
    """CREATE TABLE connection (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        version INT NOT NULL,
        endpoint_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('active', 'paused')),
        public_url TEXT NOT NULL,
        settings JSONB NOT NULL,
        mapping JSONB NOT NULL,
        secrets JSONB NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )""",
    *tenant_table_ddl("connection"),
    # A request must find its connection before it is known whose it is. Endpoints are minted here.
    """CREATE TABLE connection_endpoint (
        id TEXT PRIMARY KEY,
        tenant_id UUID NOT NULL,
        connection_id UUID NOT NULL
    )""",
    f"GRANT SELECT, INSERT ON connection_endpoint TO {APP_ROLE}, {WORKER_ROLE}",
    """CREATE TABLE delivery (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        connection_id UUID NOT NULL,
        received_at TIMESTAMPTZ NOT NULL,
        sealed BYTEA NOT NULL,
        digest BYTEA NOT NULL CHECK (octet_length(digest) = 32),
        secret_id UUID,
        changes INT NOT NULL,
        told INT NOT NULL,
        status TEXT NOT NULL,
        faults JSONB NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )""",
    "CREATE INDEX delivery_by_connection ON delivery (tenant_id, connection_id, id)",
    *tenant_table_ddl("delivery"),
    """CREATE TABLE delivery_key (
        tenant_id UUID NOT NULL,
        connection_id UUID NOT NULL,
        key TEXT NOT NULL,
        delivery_id UUID NOT NULL,
        digest BYTEA NOT NULL,
        PRIMARY KEY (tenant_id, connection_id, key)
    )""",
    *tenant_table_ddl("delivery_key"),
    *OUTBOX_DDL,
)


def upgrade() -> None:
    for statement in _DDL:
        op.execute(statement)
