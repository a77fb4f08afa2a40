"""Deliveries are kept as they come and read afterwards; what is unread is found at once."""

from alembic import op

revision = "0008"
down_revision = "0007"

_DDL = (
    "ALTER TABLE delivery ADD COLUMN trace TEXT",
    # A release that still writes it may go on beside this one.
    "ALTER TABLE delivery ALTER COLUMN digest DROP NOT NULL",
    "CREATE INDEX delivery_unread ON delivery (id) WHERE status = 'stored'",
    # Bodies are sealed: nothing of them can be pressed together.
    "ALTER TABLE delivery ALTER COLUMN sealed SET STORAGE EXTERNAL",
    # Of a change that came before this, only the whole body's digest was kept.
    "UPDATE delivery_key SET digest = ''",
)


def upgrade() -> None:
    """Add what a delivery needs until it is read."""
    for statement in _DDL:
        op.execute(statement)
