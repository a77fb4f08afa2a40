"""What is read in CRMs: access, records that wait to be read, reconciliations; bodies sealed by the day."""

from alembic import op

from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0004"
down_revision = "0003"

_DDL = (
    "ALTER TABLE connection ADD COLUMN access JSONB",
    # One row for each connection that we may ask: who is at it now, and until when nobody asks.
    """CREATE TABLE crm_lane (
        tenant_id UUID NOT NULL,
        connection_id UUID NOT NULL,
        epoch BIGINT NOT NULL DEFAULT 0,
        leased_until TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
        rest_until TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
        failures INT NOT NULL DEFAULT 0,
        trouble TEXT,
        marks JSONB NOT NULL DEFAULT '{}',
        reconcile_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity',
        PRIMARY KEY (tenant_id, connection_id)
    )""",
    *tenant_table_ddl("crm_lane"),
    """CREATE TABLE record_read (
        tenant_id UUID NOT NULL,
        connection_id UUID NOT NULL,
        delivery_id UUID NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('deal', 'lead')),
        external_id TEXT NOT NULL,
        change TEXT NOT NULL,
        attempts INT NOT NULL DEFAULT 0,
        alone BOOL NOT NULL DEFAULT FALSE,
        parked BOOL NOT NULL DEFAULT FALSE,
        PRIMARY KEY (tenant_id, connection_id, kind, external_id, delivery_id)
    )""",
    "CREATE INDEX record_read_waiting ON record_read (tenant_id, connection_id, alone, delivery_id)"
    " WHERE NOT parked",
    *tenant_table_ddl("record_read"),
    """CREATE TABLE reconciliation (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        connection_id UUID NOT NULL,
        cause TEXT NOT NULL CHECK (cause IN ('scheduled', 'asked')),
        status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed')),
        started_at TIMESTAMPTZ NOT NULL,
        finished_at TIMESTAMPTZ,
        progress JSONB NOT NULL,
        read INT NOT NULL,
        told INT NOT NULL,
        totals JSONB NOT NULL,
        faults JSONB NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )""",
    "CREATE INDEX reconciliation_by_connection ON reconciliation (tenant_id, connection_id, id)",
    "CREATE UNIQUE INDEX reconciliation_running ON reconciliation (tenant_id, connection_id)"
    " WHERE status = 'running'",
    *tenant_table_ddl("reconciliation"),
    # The keys of the bodies, one a day and tenant: with the key the bodies of that day are gone.
    """CREATE TABLE body_key (
        tenant_id UUID NOT NULL,
        day DATE NOT NULL,
        id UUID NOT NULL,
        sealed BYTEA NOT NULL,
        PRIMARY KEY (tenant_id, day)
    )""",
    *tenant_table_ddl("body_key"),
    "ALTER TABLE delivery ADD COLUMN sealed_on DATE",  # NULL: under the installation's own key
    "ALTER TABLE delivery ADD COLUMN erased_at TIMESTAMPTZ",
    "ALTER TABLE delivery_key ADD COLUMN record TEXT",  # kind:external_id, to find who speaks of it
    "CREATE INDEX delivery_key_by_record ON delivery_key (tenant_id, connection_id, record)"
    " WHERE record IS NOT NULL",
    "CREATE INDEX delivery_key_by_delivery ON delivery_key (tenant_id, delivery_id)",
    # Views of content as another system counts them, summed up until content-service knows them.
    """CREATE TABLE content_view (
        tenant_id UUID NOT NULL,
        connection_id UUID NOT NULL,
        view_id TEXT NOT NULL,
        delivery_id UUID NOT NULL,
        viewed_at TIMESTAMPTZ NOT NULL,
        document_id TEXT NOT NULL,
        link_id TEXT NOT NULL,
        machine BOOL NOT NULL,
        internal BOOL NOT NULL,
        pages JSONB NOT NULL,
        version INT NOT NULL,
        told_version INT NOT NULL DEFAULT 0,
        attempts INT NOT NULL DEFAULT 0,
        due_at TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
        parked BOOL NOT NULL DEFAULT FALSE,
        PRIMARY KEY (tenant_id, connection_id, view_id)
    )""",
    "CREATE INDEX content_view_waiting ON content_view (due_at)"
    " WHERE version > told_version AND NOT parked",
    *tenant_table_ddl("content_view"),
)


def upgrade() -> None:
    for statement in _DDL:
        op.execute(statement)
