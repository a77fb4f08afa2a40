"""A record of a CRM that names another one is found when that one comes."""

from alembic import op

revision = "0008"
down_revision = "0007"

_DDL = (
    "ALTER TABLE crm_record ADD COLUMN awaits UUID",
    "CREATE INDEX crm_record_awaits ON crm_record (tenant_id, awaits) WHERE awaits IS NOT NULL",
)


def upgrade() -> None:
    """Add what it waits for; what came before waits for nothing."""
    for statement in _DDL:
        op.execute(statement)
