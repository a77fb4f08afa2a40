"""Scoring's tables. What is published is in `lead_score`, `lead_rating` and `definition`.

Why somebody decided between two ratings is in the vault, under the lead's key.
"""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, MetaData, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

_METADATA: Final = MetaData()


def _table(name: str, *columns: Column[object]) -> Table:
    return Table(name, _METADATA, Column("tenant_id", Uuid), Column("id", Uuid), *columns)


def _aggregate(name: str, *columns: Column[object]) -> Table:
    return _table(name, Column("version", Integer), Column("event_seq", Integer), *columns)


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


DEFINITION: Final = _aggregate("definition", Column("newest", Integer))
DEFINITION_VERSION: Final = _table(
    "definition_version",
    Column("number", Integer),
    Column("document", JSONB),
    Column("status", Text),
    _time("effective_from"),
    Column("drafted_by", Text),
    Column("marketing_by", Text),
    Column("marketing_person", Uuid),
    _time("marketing_at"),
    Column("sales_by", Text),
    Column("sales_person", Uuid),
    _time("sales_at"),
)
LEAD_SCORE: Final = _aggregate(
    "lead_score",
    Column("source", Text),
    Column("campaign_id", Uuid),
    Column("segment", Text),
    Column("attributes", JSONB),
    Column("definition_version", Integer),
    Column("fit", Numeric),
    Column("engagement", Numeric),
    Column("grade", Text),
    _time("scored_at"),
    _time("qualified_at"),
    Column("qualified_version", Integer),
)
ACTIVITY: Final = _table(
    "activity",
    Column("lead_id", Uuid),
    Column("kind", Text),
    _time("at"),
    Column("asset_id", Uuid),
    Column("facts", JSONB),
)
ASSET: Final = _table("asset", Column("kind", Text), Column("newest", Integer))
LEAD_RATING: Final = _aggregate(
    "lead_rating",
    Column("marketing", Integer),
    Column("sales", Integer),
    Column("score", Integer),
    Column("method", Text),
    Column("decided_by", Uuid),
    _time("decided_at"),
    Column("case_id", Uuid),
)
RATING: Final = _table(
    "rating",
    Column("lead_id", Uuid),
    Column("side", Text),
    Column("score", Integer),
    Column("reason", Text),
    Column("rater_id", Uuid),
    Column("rated_by", Text),
    _time("rated_at"),
    Column("definition_version", Integer),
)
RECONCILIATION: Final = _table(
    "reconciliation",
    Column("lead_id", Uuid),
    _time("opened_at"),
    Column("marketing", Integer),
    Column("sales", Integer),
    Column("score", Integer),
    Column("method", Text),
    Column("decided_by", Uuid),
    Column("decided_principal", Text),
    _time("decided_at"),
)
