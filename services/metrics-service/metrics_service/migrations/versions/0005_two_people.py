"""An adjustment is proposed by one person and approved by another."""

from alembic import op

from metrics_service.adapters.pay_tables import TWO_PEOPLE_DDL

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add who proposed an adjustment and who decided; what is there was posted at once."""
    for statement in TWO_PEOPLE_DDL:
        op.execute(statement)
