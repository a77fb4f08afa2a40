"""What people said moves into the vault; searches are counted by a digest of their words.

Words that were kept in clear before are not taken along: there is no key here to seal them with.
"""

from alembic import op

from onefunnel.log.inbox import INBOX_DDL
from onefunnel.log.members import STREAM_MEMBER_DDL
from onefunnel.vault.table import VAULT_DDL

revision = "0003"
down_revision = "0002"

_DDL = (
    "ALTER TABLE feedback DROP COLUMN text, DROP COLUMN answer",
    "ALTER TABLE feedback ADD CHECK (num_nonnulls(changed, answered_at) IN (0, 2))",
    "ALTER TABLE winloss DROP COLUMN text",
    "ALTER TABLE asset_rating DROP COLUMN reason",
    "TRUNCATE search",
    "ALTER TABLE search DROP COLUMN words",
    "ALTER TABLE search ADD COLUMN digest BYTEA NOT NULL CHECK (octet_length(digest) = 32)",
    "CREATE INDEX search_digest ON search (tenant_id, digest)",
)


def upgrade() -> None:
    """Make the vault and what is needed to hear of erasures, and take the words out of the tables."""
    for statement in (*VAULT_DDL, *INBOX_DDL, *STREAM_MEMBER_DDL, *_DDL):
        op.execute(statement)
