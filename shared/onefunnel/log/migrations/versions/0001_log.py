"""The log's tables: batches of records, heads, fences."""

from alembic import op

from onefunnel.log.postgres_ddl import LOG_DDL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the log."""
    for statement in LOG_DDL:
        op.execute(statement)
