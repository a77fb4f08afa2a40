"""The gateway's tables, as the migrations make them."""

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Date,
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


def _of_tenant(name: str, *columns: Column[Any]) -> Table:
    """Return a table whose rows are each a tenant's own."""
    key = (Column(part, Uuid, primary_key=True) for part in ("tenant_id", "id"))
    return Table(name, METADATA, *key, *columns)


TENANT: Final = Table(
    "tenant",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
)
API_KEY: Final = _of_tenant(
    "api_key",
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
CONNECTION: Final = _of_tenant(
    "connection",
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
    Column("access", JSONB(none_as_null=True)),
    Column("attention", JSONB(none_as_null=True)),
    Column("channel", JSONB(none_as_null=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
CONNECTION_ENDPOINT: Final = Table(
    "connection_endpoint",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("connection_id", Uuid, nullable=False),
)
DELIVERY: Final = _of_tenant(
    "delivery",
    Column("connection_id", Uuid, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("secret_id", Uuid),
    Column("trace", Text),
    Column("changes", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("faults", JSONB, nullable=False),
    Column("sealed_on", Date),
    Column("erased_at", DateTime(timezone=True)),
)
CRM_LANE: Final = Table(
    "crm_lane",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("connection_id", Uuid, primary_key=True),
    Column("marks", JSONB, nullable=False),
    Column("reconcile_at", DateTime(timezone=True), nullable=False),
)
RECONCILIATION: Final = _of_tenant(
    "reconciliation",
    Column("connection_id", Uuid, nullable=False),
    Column("cause", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("progress", JSONB, nullable=False),
    Column("read", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("totals", JSONB, nullable=False),
    Column("faults", JSONB, nullable=False),
)
WEBHOOK_SUBSCRIPTION: Final = _of_tenant(
    "webhook_subscription",
    Column("version", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JSONB, nullable=False),
    Column("description", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("paused_because", Text),
    Column("failing_since", DateTime(timezone=True)),
    Column("last_failure", Text),
    Column("secrets", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
WEBHOOK_DELIVERY: Final = _of_tenant(
    "webhook_delivery",
    Column("subscription_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_since", DateTime(timezone=True), nullable=False),
    Column("next_at", DateTime(timezone=True)),
    Column("last_at", DateTime(timezone=True)),
    Column("last_code", Integer),
    Column("last_error", Text),
    Column("lease", Uuid),
    Column("lease_until", DateTime(timezone=True)),
)
