"""The library, its views and searches, feedback and win-loss, with outbox and idempotency keys."""

from alembic import op

from onefunnel.http.idempotency import IDEMPOTENCY_DDL
from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.persistence.migrations import tenant_table_ddl

revision = "0001"
down_revision = None

_ID = "tenant_id UUID NOT NULL, id UUID NOT NULL"
_AGGREGATE = f"{_ID}, version INT NOT NULL, event_seq INT NOT NULL"
_KEY = "PRIMARY KEY (tenant_id, id)"
_EDITION = """title TEXT NOT NULL, summary TEXT, body TEXT, pages INT NOT NULL CHECK (pages >= 1),
    published_at TIMESTAMPTZ NOT NULL"""

_TABLES = (
    "asset",
    "asset_version",
    "share",
    "viewing",
    "viewed_page",
    "asset_rating",
    "search",
    "feedback",
    "winloss",
)

_DDL = (
    # The configuration is named, never the session's: a generated column may not depend on a setting.
    f"""CREATE TABLE asset ({_AGGREGATE}, kind TEXT NOT NULL, owner_id UUID, stage TEXT, segment TEXT,
        expires_on DATE, newest INT NOT NULL, {_EDITION}, retired_at TIMESTAMPTZ,
        search TSVECTOR NOT NULL GENERATED ALWAYS AS (
            setweight(to_tsvector('english', title), 'A')
            || setweight(to_tsvector('english', coalesce(summary, '')), 'B')
            || setweight(to_tsvector('english', coalesce(body, '')), 'C')) STORED, {_KEY})""",
    "CREATE INDEX asset_search ON asset USING gin (search)",
    "CREATE INDEX asset_newest ON asset (tenant_id, published_at DESC, id DESC)",
    f"""CREATE TABLE asset_version ({_ID}, number INT NOT NULL, {_EDITION}, published_by TEXT NOT NULL,
        PRIMARY KEY (tenant_id, id, number))""",
    f"""CREATE TABLE share ({_ID}, asset_id UUID NOT NULL, number INT NOT NULL,
        token_hash BYTEA NOT NULL CHECK (octet_length(token_hash) = 32), deal_id UUID, lead_id UUID,
        shared_by UUID, principal_id TEXT NOT NULL, shared_at TIMESTAMPTZ NOT NULL,
        CHECK (num_nonnulls(deal_id, lead_id) = 1), {_KEY}, UNIQUE (tenant_id, token_hash))""",
    "CREATE INDEX share_asset ON share (tenant_id, asset_id)",
    f"""CREATE TABLE viewing ({_ID}, asset_id UUID NOT NULL, number INT NOT NULL, viewer_id UUID NOT NULL,
        viewed_at TIMESTAMPTZ NOT NULL, share_id UUID, lead_id UUID, machine BOOL NOT NULL,
        bot BOOL NOT NULL, duration_ms INT NOT NULL, pages_seen INT NOT NULL, {_KEY})""",
    "CREATE INDEX viewing_asset ON viewing (tenant_id, asset_id)",
    f"""CREATE TABLE viewed_page ({_ID}, page INT NOT NULL CHECK (page >= 1),
        duration_ms INT NOT NULL CHECK (duration_ms >= 0), PRIMARY KEY (tenant_id, id, page))""",
    f"""CREATE TABLE asset_rating ({_ID}, asset_id UUID NOT NULL, score INT NOT NULL
        CHECK (score BETWEEN 1 AND 5), reason TEXT, rated_by UUID, principal_id TEXT NOT NULL,
        rated_at TIMESTAMPTZ NOT NULL, {_KEY})""",
    "CREATE INDEX asset_rating_asset ON asset_rating (tenant_id, asset_id)",
    f"""CREATE TABLE search ({_ID}, words TEXT NOT NULL, viewer_id UUID NOT NULL,
        results INT NOT NULL CHECK (results >= 0), searched_at TIMESTAMPTZ NOT NULL, {_KEY})""",
    "CREATE INDEX search_words ON search (tenant_id, words)",
    f"""CREATE TABLE feedback ({_AGGREGATE}, kind TEXT NOT NULL, text TEXT NOT NULL,
        owner_id UUID NOT NULL, due_on DATE NOT NULL, submitted_by UUID, submitted_at TIMESTAMPTZ NOT NULL,
        asset_id UUID, campaign_id UUID, answer TEXT, changed BOOL, answered_by UUID,
        answered_at TIMESTAMPTZ, CHECK (num_nonnulls(answer, changed, answered_at) IN (0, 3)), {_KEY})""",
    "CREATE INDEX feedback_due ON feedback (tenant_id, due_on, id)",
    f"""CREATE TABLE winloss ({_AGGREGATE}, deal_id UUID NOT NULL,
        voice TEXT NOT NULL CHECK (voice IN ('rep', 'marketing', 'buyer')), reasons TEXT[] NOT NULL,
        text TEXT, recorded_by UUID, recorded_at TIMESTAMPTZ NOT NULL, {_KEY})""",
    "CREATE INDEX winloss_deal ON winloss (tenant_id, deal_id)",
    "CREATE INDEX winloss_newest ON winloss (tenant_id, recorded_at DESC, id DESC)",
)


def upgrade() -> None:
    """Create the tables, each tenant's rows kept to itself."""
    for statement in (*_DDL, *OUTBOX_DDL, *IDEMPOTENCY_DDL):
        op.execute(statement)
    for table in _TABLES:
        for statement in tenant_table_ddl(table):
            op.execute(statement)
