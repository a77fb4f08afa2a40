"""Links end, are withdrawn, and are read page by page; the tenant's own people are told from buyers."""

from alembic import op

from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0004"
down_revision = "0003"

_TABLES = ("viewed_beat", "own_domain")

_DDL = (
    """ALTER TABLE share ADD COLUMN expires_at TIMESTAMPTZ, ADD COLUMN revoked_at TIMESTAMPTZ,
        ADD COLUMN revoked_by TEXT, ADD CHECK (num_nonnulls(revoked_at, revoked_by) IN (0, 2))""",
    """ALTER TABLE viewing ADD COLUMN internal BOOL NOT NULL DEFAULT false,
        ADD COLUMN anonymous BOOL NOT NULL DEFAULT false,
        ADD COLUMN beats INT NOT NULL DEFAULT 0,
        ADD COLUMN client BYTEA CHECK (octet_length(client) = 32)""",
    "CREATE INDEX viewing_share ON viewing (tenant_id, share_id)",
    "CREATE INDEX viewing_newest ON viewing (tenant_id, viewed_at)",
    # Scanners are recognised in their first seconds; most views have no client at all.
    "CREATE INDEX viewing_client ON viewing (tenant_id, client, viewed_at) WHERE client IS NOT NULL",
    """CREATE TABLE viewed_beat (tenant_id UUID NOT NULL, id UUID NOT NULL,
        seq INT NOT NULL CHECK (seq >= 1), PRIMARY KEY (tenant_id, id, seq))""",
    """CREATE TABLE own_domain (tenant_id UUID NOT NULL, domain TEXT NOT NULL,
        PRIMARY KEY (tenant_id, domain))""",
)


def upgrade() -> None:
    """Add what links and their views need, each tenant's rows kept to itself."""
    for statement in _DDL:
        op.execute(statement)
    for table in _TABLES:
        for statement in tenant_table_ddl(table):
            op.execute(statement)
