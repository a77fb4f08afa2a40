"""What is said about users of an identity provider: disabled, signed out, without a role."""

from alembic import op

from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0003"
down_revision = "0002"

_DDL = (
    """CREATE TABLE identity_user (
        tenant_id UUID NOT NULL,
        subject TEXT NOT NULL CHECK (subject <> ''),
        disabled BOOLEAN NOT NULL,
        refused_roles TEXT[] NOT NULL,
        valid_from TIMESTAMPTZ,
        PRIMARY KEY (tenant_id, subject)
    )""",
    *tenant_table_ddl("identity_user"),
)


def upgrade() -> None:
    for statement in _DDL:
        op.execute(statement)
