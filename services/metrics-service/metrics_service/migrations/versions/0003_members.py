"""The members of the group that folds: any number of workers share the partitions."""

from alembic import op

from onefunnel.log.members import STREAM_MEMBER_DDL

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of members."""
    for statement in STREAM_MEMBER_DDL:
        op.execute(statement)
