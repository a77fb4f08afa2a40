"""How connections stand with their CRMs: what they need attention for, and their channels."""

from alembic import op

revision = "0007"
down_revision = "0006"

_DDL = (
    "ALTER TABLE connection ADD COLUMN attention JSONB",
    "ALTER TABLE connection ADD COLUMN channel JSONB",
    "ALTER TABLE crm_lane ADD COLUMN channel_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity'",
    # One vendor has channels: those that are there already are kept open from now on.
    """UPDATE crm_lane SET channel_at = now() FROM connection
        WHERE connection.tenant_id = crm_lane.tenant_id AND connection.id = crm_lane.connection_id
          AND connection.provider = 'zoho'""",
)


def upgrade() -> None:
    """Add what workers find out about a connection."""
    for statement in _DDL:
        op.execute(statement)
