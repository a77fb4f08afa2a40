"""Personal data moves into the vault, each person's under a key of its own."""

from alembic import op

from onefunnel.vault.table import VAULT_DDL

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the vault and take the columns away that it replaces."""
    for statement in VAULT_DDL:
        op.execute(statement)
    op.execute("DROP INDEX person_by_name")
    op.execute("ALTER TABLE person DROP COLUMN name, DROP COLUMN email")
    op.execute(
        "ALTER TABLE lead DROP COLUMN name, DROP COLUMN email, DROP COLUMN phone,"
        " DROP COLUMN company, DROP COLUMN attributes"
    )
    for table in ("touch", "activity", "history"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN note")
