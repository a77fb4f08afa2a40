"""Tenants, keys, and which tenant a key belongs to."""

from alembic import op

from onefunnel.http.idempotency import IDEMPOTENCY_DDL
from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

revision = "0001"
down_revision = None

_DDL = (
    """CREATE TABLE tenant (
        id UUID PRIMARY KEY,
        name TEXT NOT NULL UNIQUE CHECK (name <> ''),
        created_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )""",
    "ALTER TABLE tenant ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE tenant FORCE ROW LEVEL SECURITY",
    "CREATE POLICY tenant ON tenant USING (id = current_setting('app.tenant')::uuid)",
    f"GRANT SELECT ON tenant TO {APP_ROLE}",
    f"GRANT SELECT, INSERT ON tenant TO {WORKER_ROLE}",
    """CREATE TABLE api_key (
        tenant_id UUID NOT NULL REFERENCES tenant (id),
        id UUID NOT NULL,
        environment TEXT NOT NULL CHECK (environment IN ('dev', 'live')),
        role TEXT NOT NULL,
        person_id UUID,
        name TEXT NOT NULL,
        secret_hash BYTEA NOT NULL CHECK (octet_length(secret_hash) = 32),
        created_at TIMESTAMPTZ NOT NULL,
        expires_at TIMESTAMPTZ,
        revoked_at TIMESTAMPTZ,
        PRIMARY KEY (tenant_id, id)
    )""",
    *tenant_table_ddl("api_key"),
    # A key must be found before it is known whose it is. This table says only whose, without row
    # policy; ids are minted here, so that nobody can ask it about an id of their choosing.
    """CREATE TABLE key_tenant (
        id UUID PRIMARY KEY,
        tenant_id UUID NOT NULL REFERENCES tenant (id)
    )""",
    f"GRANT SELECT, INSERT ON key_tenant TO {APP_ROLE}, {WORKER_ROLE}",
    *IDEMPOTENCY_DDL,
)


def upgrade() -> None:
    for statement in _DDL:
        op.execute(statement)
