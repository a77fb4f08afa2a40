"""The gateway's tables, as the migrations make them."""

from typing import Final

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, Table, Text, Uuid

METADATA: Final = MetaData()

TENANT: Final = Table(
    "tenant",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
)
API_KEY: Final = Table(
    "api_key",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("person_id", Uuid),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)
KEY_TENANT: Final = Table(
    "key_tenant",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
)
