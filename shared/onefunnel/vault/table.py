"""The tables of the vault. Keys are in a table of their own, so that a backup may leave them out."""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid

from onefunnel.persistence.migrations import tenant_table_ddl

_METADATA: Final = MetaData()

SUBJECT_KEY: Final = Table(
    "subject_key",
    _METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary),
    Column("destroyed_at", DateTime(timezone=True)),
)
VAULT: Final = Table(
    "vault",
    _METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("version", Integer),
    Column("sealed", LargeBinary),
    Column("address", LargeBinary),
)

VAULT_DDL: Final = (
    # A destroyed key leaves its row: the person is known to have been erased, and stays so.
    """CREATE TABLE subject_key (
        tenant_id UUID NOT NULL,
        subject_id UUID NOT NULL,
        wrapped BYTEA,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        destroyed_at TIMESTAMPTZ,
        PRIMARY KEY (tenant_id, subject_id),
        CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
    )""",
    """CREATE TABLE vault (
        tenant_id UUID NOT NULL,
        subject_id UUID NOT NULL,
        field TEXT NOT NULL,
        version INT NOT NULL,
        sealed BYTEA NOT NULL,
        address BYTEA CHECK (octet_length(address) = 32),
        PRIMARY KEY (tenant_id, subject_id, field)
    )""",
    # Blind: finds those who share an e-mail address without knowing it.
    "CREATE INDEX vault_address ON vault (tenant_id, address) WHERE address IS NOT NULL",
    "ALTER TABLE vault ALTER COLUMN sealed SET STORAGE EXTERNAL",  # it cannot be compressed
    """CREATE TABLE erased_address (
        tenant_id UUID NOT NULL,
        tombstone BYTEA NOT NULL CHECK (octet_length(tombstone) = 32),
        PRIMARY KEY (tenant_id, tombstone)
    )""",
    *(
        statement
        for table in ("subject_key", "vault", "erased_address")
        for statement in tenant_table_ddl(table)
    ),
)
