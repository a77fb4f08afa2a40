"""Subscriptions to our webhooks, their deliveries, and what the gateway needs to take in events."""

from alembic import op

from onefunnel.log.inbox import INBOX_DDL
from onefunnel.log.members import STREAM_MEMBER_DDL
from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0006"
down_revision = "0005"

_DDL = (
    """CREATE TABLE webhook_subscription (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        version INT NOT NULL,
        url TEXT NOT NULL,
        events JSONB NOT NULL,
        description TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('active', 'paused')),
        paused_because TEXT CHECK (paused_because IN ('owner', 'gone', 'failing')),
        failing_since TIMESTAMPTZ,
        last_failure TEXT,
        secrets JSONB NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (tenant_id, id),
        CHECK ((state = 'paused') = (paused_because IS NOT NULL))
    )""",
    *tenant_table_ddl("webhook_subscription"),
    """CREATE TABLE webhook_delivery (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        subscription_id UUID NOT NULL,
        event_id UUID NOT NULL,
        type TEXT NOT NULL,
        body BYTEA NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('waiting', 'delivered', 'dead')),
        attempts INT NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        due_since TIMESTAMPTZ NOT NULL,
        next_at TIMESTAMPTZ,
        last_at TIMESTAMPTZ,
        last_code INT,
        last_error TEXT,
        lease UUID,
        lease_until TIMESTAMPTZ,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, subscription_id, event_id),
        FOREIGN KEY (tenant_id, subscription_id)
            REFERENCES webhook_subscription (tenant_id, id) ON DELETE CASCADE,
        CHECK ((status = 'waiting') = (next_at IS NOT NULL))
    )""",
    # What is due is looked for several times a second, and most rows are done with.
    """CREATE INDEX webhook_delivery_waiting ON webhook_delivery (tenant_id, subscription_id, next_at)
        WHERE status = 'waiting'""",
    "CREATE INDEX webhook_delivery_listed ON webhook_delivery (tenant_id, subscription_id, id)",
    *tenant_table_ddl("webhook_delivery"),
    *INBOX_DDL,
    *STREAM_MEMBER_DDL,
)


def upgrade() -> None:
    for statement in _DDL:
        op.execute(statement)
