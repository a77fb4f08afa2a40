"""What a connection needs attention for."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add what workers find out about a connection."""
    op.execute("ALTER TABLE connection ADD COLUMN attention JSONB")
