"""What CRMs told about their records, so that changes may come in any order."""

from alembic import op
from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""CREATE TABLE crm_record (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('deal', 'lead')),
        external_source TEXT NOT NULL,
        external_id TEXT NOT NULL,
        words JSONB NOT NULL,
        passed JSONB NOT NULL,
        problem TEXT,
        PRIMARY KEY (tenant_id, id)
    )""")
    for statement in tenant_table_ddl("crm_record"):
        op.execute(statement)
