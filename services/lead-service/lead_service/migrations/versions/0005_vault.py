"""Personal data moves into the vault, each person's under a key of its own."""

from alembic import op

from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.vault.table import VAULT_DDL

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the vault and take the columns away that it replaces."""
    for statement in VAULT_DDL:
        op.execute(statement)
    op.execute(
        """CREATE TABLE erasure (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            version INT NOT NULL,
            event_seq INT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('lead', 'person')),
            subject_id UUID NOT NULL,
            requested_by TEXT NOT NULL,
            requested_at TIMESTAMPTZ NOT NULL,
            approved_by TEXT,
            erased_at TIMESTAMPTZ,
            PRIMARY KEY (tenant_id, id),
            UNIQUE (tenant_id, subject_id),
            CHECK (approved_by <> requested_by)
        )"""
    )
    for statement in tenant_table_ddl("erasure"):
        op.execute(statement)
    op.execute("DROP INDEX person_by_name")
    op.execute("ALTER TABLE person DROP COLUMN name, DROP COLUMN email")
    op.execute(
        "ALTER TABLE lead DROP COLUMN name, DROP COLUMN email, DROP COLUMN phone,"
        " DROP COLUMN company, DROP COLUMN attributes"
    )
    for table in ("touch", "activity", "history"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN note")
