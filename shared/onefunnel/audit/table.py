"""The tables of the audit: rows, what is not sealed yet, the chain, and the chain's head.

Rows and links are only ever added: no role of ours may change or remove one, and a trigger refuses
it to the owner. Whoever takes the trigger away is found by `verify-audit`.
"""

from typing import Final

from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

COLUMNS: Final = (
    "tenant_id, id, recorded_at, principal_id, role, person_id, resource, action, operation,"
    " object_id, version, event_id, told, request_id, digest"
)
_MINE: Final = "tenant_id = current_setting('app.tenant')::uuid"
_HASH: Final = "BYTEA NOT NULL CHECK (octet_length({0}) = 32)"
_ADDED_TO: Final = ("audit", "audit_seal")

AUDIT_DDL: Final = (
    f"""CREATE TABLE audit (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        recorded_at TIMESTAMPTZ NOT NULL,
        principal_id TEXT NOT NULL,
        role TEXT NOT NULL,
        person_id UUID,
        resource TEXT NOT NULL,
        action TEXT NOT NULL,
        operation TEXT NOT NULL,
        object_id TEXT,
        version INT,
        event_id UUID,
        told TEXT NOT NULL,
        request_id TEXT NOT NULL,
        digest {_HASH.format("digest")},
        mark {_HASH.format("mark")},
        PRIMARY KEY (tenant_id, id)
    )""",
    """CREATE TABLE audit_unsealed (
        tenant_id UUID NOT NULL,
        id UUID NOT NULL,
        PRIMARY KEY (tenant_id, id)
    )""",
    f"""CREATE TABLE audit_seal (
        n BIGINT PRIMARY KEY CHECK (n > 0),
        tenant_id UUID NOT NULL,
        audit_id UUID NOT NULL,
        hash {_HASH.format("hash")},
        UNIQUE (tenant_id, audit_id)
    )""",
    f"""CREATE TABLE audit_head (
        one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
        n BIGINT NOT NULL DEFAULT 0,
        hash {_HASH.format("hash")} DEFAULT decode(repeat('00', 32), 'hex')
    )""",
    "INSERT INTO audit_head DEFAULT VALUES",
    *(
        statement
        for table in ("audit", "audit_unsealed", "audit_seal")
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant ON {table} USING ({_MINE}) WITH CHECK ({_MINE})",
        )
    ),
    f"GRANT SELECT, INSERT ON audit TO {APP_ROLE}, {WORKER_ROLE}",
    f"GRANT INSERT ON audit_unsealed TO {APP_ROLE}",
    f"GRANT SELECT, INSERT, DELETE ON audit_unsealed TO {WORKER_ROLE}",
    f"GRANT SELECT, INSERT ON audit_seal TO {WORKER_ROLE}",
    f"GRANT SELECT, UPDATE ON audit_head TO {WORKER_ROLE}",
    """CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit is only added to'; END $$""",
    *(
        f"""CREATE TRIGGER only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_added_to()"""
        for table in _ADDED_TO
    ),
)
