"""Why somebody decided between two ratings moves into the vault.

What was kept in clear before is not taken along: there is no key here to seal it with.
"""

from alembic import op

from onefunnel.vault.table import VAULT_DDL

revision = "0004"
down_revision = "0003"

_DDL = (
    "ALTER TABLE lead_rating DROP COLUMN decided_reason",
    "ALTER TABLE reconciliation DROP COLUMN reason",
)


def upgrade() -> None:
    """Make the vault and take the words out of the tables."""
    for statement in (*VAULT_DDL, *_DDL):
        op.execute(statement)
