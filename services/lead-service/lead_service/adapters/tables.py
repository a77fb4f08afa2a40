"""The tables of the lead service. The migrations make them; this says how statements see them."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
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

_METADATA: Final = MetaData()


def _uuid(name: str) -> Column[Any]:
    return Column(name, Uuid)


def _text(name: str) -> Column[Any]:
    return Column(name, Text)


def _time(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True))


def _aggregate(name: str, *columns: Column[Any]) -> Table:
    """Return a table of aggregates: `version` counts changes, `event_seq` published events."""
    return Table(
        name,
        _METADATA,
        Column("tenant_id", Uuid, primary_key=True),
        Column("id", Uuid, primary_key=True),
        Column("version", Integer),
        Column("event_seq", Integer),
        *columns,
    )


def _external() -> tuple[Column[Any], Column[Any]]:
    return _text("external_source"), _text("external_id")


def _rows(name: str, *columns: Column[Any]) -> Table:
    """Return a table of rows that are added and never changed."""
    tenant = Column("tenant_id", Uuid, primary_key=True)
    return Table(name, _METADATA, tenant, Column("id", Uuid, primary_key=True), *columns)


TENANT: Final = _aggregate(
    "tenant", _text("time_zone"), _text("currency"), Column("fiscal_year_start", Integer)
)
PERSON: Final = _aggregate(
    "person",
    _text("kind"),
    Column("active", Boolean),
    Column("memberships", JSONB(none_as_null=True)),
    *_external(),
)
ACCOUNT: Final = _aggregate("account", _text("name"), _text("segment"), *_external())
PRODUCT: Final = _aggregate(
    "product",
    _text("name"),
    Column("list_minor", BigInteger),
    _text("currency"),
    Column("active", Boolean),
    *_external(),
)
CAMPAIGN: Final = _aggregate(
    "campaign",
    _text("name"),
    _text("channel"),
    Column("starts_on", Date),
    Column("ends_on", Date),
    *_external(),
)
FUNNEL: Final = _aggregate(
    "funnel",
    _text("code"),
    Column("versions", JSONB(none_as_null=True)),
    Column("active", Integer),
)
LEAD: Final = _aggregate(
    "lead",
    _text("state"),
    _time("captured_at"),
    _time("recorded_at"),
    _text("funnel"),
    _text("source"),
    _uuid("campaign_id"),
    _text("segment"),
    _uuid("owner_id"),
    _time("qualified_at"),
    _time("accepted_at"),
    _time("converted_at"),
    _uuid("deal_id"),
    _uuid("merged_into"),
    Column("recycle_until", Date),
    *_external(),
    Column("fingerprint", LargeBinary),
    # The first line of the timeline: most leads never have a second one.
    _uuid("captured_event_id"),
    _text("captured_by"),
    _text("captured_state"),
)
DEAL: Final = _aggregate(
    "deal",
    _text("state"),
    _text("stage"),
    _text("funnel"),
    _text("name"),
    _text("currency"),
    _time("created_at"),
    _time("recorded_at"),
    _time("closed_at"),
    _uuid("owner_id"),
    Column("amount_minor", BigInteger),
    _uuid("account_id"),
    _uuid("product_id"),
    _text("source"),
    _uuid("campaign_id"),
    _text("segment"),
    Column("expected_close_on", Date),
    Column("origin", JSONB(none_as_null=True)),
    _text("outcome"),
    _text("competitor"),
    _text("reason"),
    Column("booking", JSONB(none_as_null=True)),
    Column("booked_versions", Integer),
    _text("refunded"),
    Column("paid_minor", BigInteger),
    *_external(),
    Column("fingerprint", LargeBinary),
)
SPEND: Final = _rows(
    "campaign_spend",
    _uuid("campaign_id"),
    Column("spent_on", Date),
    Column("amount_minor", BigInteger),
    _text("currency"),
    _uuid("reverses"),
)
TOUCH: Final = _rows(
    "touch",
    _uuid("lead_id"),
    _time("touched_at"),
    _text("side"),
    _text("channel"),
    Column("human", Boolean),
    _uuid("campaign_id"),
    _uuid("person_id"),
)
ACTIVITY: Final = _rows(
    "activity",
    _uuid("deal_id"),
    _time("at"),
    _text("kind"),
    _uuid("person_id"),
    Column("two_way", Boolean),
)
CRM_RECORD: Final = _rows(
    "crm_record",
    _text("kind"),
    *_external(),
    Column("words", JSONB(none_as_null=True)),
    Column("passed", JSONB(none_as_null=True)),
    _uuid("awaits"),
    _text("problem"),
    _time("problem_since"),
)
ERASURE: Final = _aggregate(
    "erasure",
    _text("kind"),
    _uuid("subject_id"),
    _text("requested_by"),
    _uuid("requester_id"),
    _time("requested_at"),
    _text("approved_by"),
    _time("erased_at"),
)
HISTORY: Final = Table(
    "history",
    _METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("aggregate_id", Uuid, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    _uuid("event_id"),
    _text("what"),
    _time("at"),
    _time("recorded_at"),
    _text("actor_id"),
    _text("from_state"),
    _text("to_state"),
    Column("details", JSONB(none_as_null=True)),
)
