"""The gateway's tables, as the migrations make them."""

from typing import Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

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
USER: Final = Table(
    "identity_user",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("disabled", Boolean, nullable=False),
    Column("refused_roles", ARRAY(Text), nullable=False),
    Column("valid_from", DateTime(timezone=True)),
)
CONNECTION: Final = Table(
    "connection",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("endpoint_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("public_url", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("mapping", JSONB, nullable=False),
    Column("secrets", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
CONNECTION_ENDPOINT: Final = Table(
    "connection_endpoint",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("connection_id", Uuid, nullable=False),
)
DELIVERY: Final = Table(
    "delivery",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("connection_id", Uuid, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("secret_id", Uuid),
    Column("changes", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("faults", JSONB, nullable=False),
)
DELIVERY_KEY: Final = Table(
    "delivery_key",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("connection_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("delivery_id", Uuid, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
