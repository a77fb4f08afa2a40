"""A tenant is told how far its own events are: when the journal last had one, and which wait."""

from alembic import op

from metrics_service.adapters.schema import readable

revision = "0007"
down_revision = "0006"

_DDL = (
    """CREATE TABLE journal_head (
        tenant_id UUID NOT NULL,
        topic_code SMALLINT NOT NULL,
        partition SMALLINT NOT NULL,
        recorded_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (tenant_id, topic_code, partition)
    ) WITH (fillfactor = 20)""",
    *readable("journal_head"),
    """INSERT INTO journal_head
    SELECT tenant_id, topic_code, partition, max(recorded_at) FROM journal GROUP BY 1, 2, 3""",
    "CREATE INDEX parked_event_tenant ON parked_event (tenant_id, topic_code)",
)


def upgrade() -> None:
    """Make the heads from what the journal has."""
    for statement in _DDL:
        op.execute(statement)
