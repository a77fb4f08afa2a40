"""An erasure knows which person asked for it: two keys of one person are not two people."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the person; who asked before is known by their key alone."""
    op.execute("ALTER TABLE erasure ADD COLUMN requester_id UUID")
