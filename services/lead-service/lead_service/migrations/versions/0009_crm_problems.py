"""A record of a CRM knows since when something stands against it."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the time; what is held up already begins to wait now."""
    op.execute("ALTER TABLE crm_record ADD COLUMN problem_since TIMESTAMPTZ")
    op.execute("UPDATE crm_record SET problem_since = now() WHERE problem IS NOT NULL")
    op.execute(
        "CREATE INDEX crm_record_problem_since ON crm_record (problem_since)"
        " WHERE problem_since IS NOT NULL"
    )
