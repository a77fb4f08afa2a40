"""Definitions, scores and ratings, with outbox, inbox and idempotency keys."""

from alembic import op

from onefunnel.http.idempotency import IDEMPOTENCY_DDL
from onefunnel.log.inbox import INBOX_DDL
from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0001"
down_revision = None

_TENANT_TABLES = (
    "definition",
    "definition_version",
    "lead_score",
    "activity",
    "asset",
    "lead_rating",
    "rating",
    "reconciliation",
)

_ID = "tenant_id UUID NOT NULL, id UUID NOT NULL"
_AGGREGATE = f"{_ID}, version INT NOT NULL, event_seq INT NOT NULL"
_KEY = "PRIMARY KEY (tenant_id, id)"
_STARS = "BETWEEN 1 AND 5"

_DDL = (
    f"CREATE TABLE definition ({_AGGREGATE}, newest INT NOT NULL, {_KEY})",
    f"""CREATE TABLE definition_version ({_ID}, number INT NOT NULL, document JSONB NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('draft', 'active')), effective_from TIMESTAMPTZ,
        drafted_by TEXT NOT NULL, marketing_by TEXT, marketing_person UUID, marketing_at TIMESTAMPTZ,
        sales_by TEXT, sales_person UUID, sales_at TIMESTAMPTZ,
        CHECK (status = 'draft' OR num_nulls(effective_from, marketing_by, sales_by) = 0),
        PRIMARY KEY (tenant_id, id, number))""",
    f"""CREATE TABLE lead_score ({_AGGREGATE}, source TEXT, campaign_id UUID, segment TEXT,
        attributes JSONB NOT NULL, definition_version INT, fit NUMERIC, engagement NUMERIC, grade TEXT,
        scored_at TIMESTAMPTZ, qualified_at TIMESTAMPTZ, qualified_version INT, {_KEY})""",
    f"""CREATE TABLE activity ({_ID}, lead_id UUID NOT NULL, kind TEXT NOT NULL, at TIMESTAMPTZ NOT NULL,
        asset_id UUID, facts JSONB NOT NULL, {_KEY})""",
    "CREATE INDEX activity_lead ON activity (tenant_id, lead_id, at DESC)",
    f"CREATE TABLE asset ({_ID}, kind TEXT NOT NULL, newest INT NOT NULL, {_KEY})",
    f"""CREATE TABLE lead_rating ({_AGGREGATE}, marketing INT CHECK (marketing {_STARS}),
        sales INT CHECK (sales {_STARS}), score INT CHECK (score {_STARS}), method TEXT, decided_by UUID,
        decided_at TIMESTAMPTZ, decided_reason TEXT, case_id UUID, {_KEY})""",
    f"""CREATE TABLE rating ({_ID}, lead_id UUID NOT NULL, side TEXT NOT NULL, score INT NOT NULL
        CHECK (score {_STARS}), reason TEXT, rater_id UUID, rated_by TEXT NOT NULL,
        rated_at TIMESTAMPTZ NOT NULL, definition_version INT, {_KEY})""",
    "CREATE INDEX rating_lead ON rating (tenant_id, lead_id, rated_at)",
    f"""CREATE TABLE reconciliation ({_ID}, lead_id UUID NOT NULL, opened_at TIMESTAMPTZ NOT NULL,
        marketing INT NOT NULL, sales INT NOT NULL, score INT, method TEXT, decided_by UUID,
        decided_principal TEXT, decided_at TIMESTAMPTZ, reason TEXT, {_KEY})""",
    "CREATE INDEX reconciliation_queue ON reconciliation (tenant_id, opened_at, id)",
)


def upgrade() -> None:
    """Create the tables, each tenant's rows kept to itself."""
    for statement in (*_DDL, *OUTBOX_DDL, *IDEMPOTENCY_DDL, *INBOX_DDL):
        op.execute(statement)
    for table in _TENANT_TABLES:
        for statement in tenant_table_ddl(table):
            op.execute(statement)
