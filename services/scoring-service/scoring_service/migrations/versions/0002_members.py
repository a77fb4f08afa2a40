"""The members of the groups that react: any number of workers share the partitions."""

from alembic import op

from onefunnel.log.members import STREAM_MEMBER_DDL

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of members."""
    for statement in STREAM_MEMBER_DDL:
        op.execute(statement)
