"""Who changed what: the rows of the audit and their chain."""

from alembic import op

from onefunnel.audit.table import AUDIT_DDL

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of the audit."""
    for statement in AUDIT_DDL:
        op.execute(statement)
