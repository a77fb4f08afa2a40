"""The pay aggregates with their outbox: the write side of metrics-service."""

from alembic import op

from metrics_service.adapters.pay_tables import CLOSED_DDL, PAY_DDL, PAY_TABLES
from onefunnel.http.idempotency import IDEMPOTENCY_DDL
from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables that commands about pay write."""
    guards = [statement for table in PAY_TABLES for statement in tenant_table_ddl(table)]
    for statement in (*OUTBOX_DDL, *IDEMPOTENCY_DDL, *PAY_DDL, *guards, *CLOSED_DDL):
        op.execute(statement)
