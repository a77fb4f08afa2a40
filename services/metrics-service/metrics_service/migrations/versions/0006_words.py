"""Why somebody was paid by hand moves into the vault; erasures are looked for in the journal.

What was kept in clear before is not taken along: there is no key here to seal it with.
"""

from alembic import op

from metrics_service.application.fold_codes import TYPE_CODE
from onefunnel.persistence.migrations import worker_table_ddl
from onefunnel.vault.erasing import ERASED
from onefunnel.vault.table import VAULT_DDL

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DDL = (
    "ALTER TABLE pay_adjustment DROP COLUMN reason",
    f"CREATE INDEX journal_erasures ON journal (event_id) WHERE type_code = {TYPE_CODE[ERASED]}",
    "CREATE TABLE erasure_heard (event_id UUID PRIMARY KEY)",
    *worker_table_ddl("erasure_heard"),
)


def upgrade() -> None:
    """Make the vault and what is needed to hear of erasures, and take the words out of the table."""
    for statement in (*VAULT_DDL, *_DDL):
        op.execute(statement)
