"""The tables of the pay aggregates: what commands decide on. The fold has its own copies of the facts."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

_METADATA: Final = MetaData()


def _aggregate(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        _METADATA,
        Column("tenant_id", Uuid, primary_key=True),
        Column("id", Uuid, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("event_seq", Integer, nullable=False),
        *columns,
    )


PLAN: Final = _aggregate("pay_plan", Column("documents", JSONB, nullable=False))
ASSIGNMENT: Final = _aggregate(
    "pay_assignment",
    Column("person_id", Uuid, nullable=False),
    Column("plan_id", Uuid, nullable=False),
    Column("from_date", Date, nullable=False),
    Column("to_date", Date),
)
QUOTA: Final = _aggregate(
    "pay_quota",
    Column("person_id", Uuid, nullable=False),
    Column("measure", Text, nullable=False),
    Column("component", Text),
    Column("period", Text, nullable=False),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("count", Integer),
)
PERIOD: Final = _aggregate(
    "pay_period",
    Column("name", Text, nullable=False),
    Column("granularity", Text, nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
)
ADJUSTMENT: Final = _aggregate(
    "pay_adjustment",
    Column("person_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("proposed_by", Uuid),
    Column("decided_by", Uuid),
    Column("decided_at", DateTime(timezone=True)),
)

_HEAD: Final = (
    "tenant_id UUID NOT NULL, id UUID NOT NULL, version INT NOT NULL, event_seq INT NOT NULL"
)
_FOOT: Final = "PRIMARY KEY (tenant_id, id)"

PAY_TABLES: Final = ("pay_plan", "pay_assignment", "pay_quota", "pay_period", "pay_adjustment")

PAY_DDL: Final = (
    f"CREATE TABLE pay_plan ({_HEAD}, documents JSONB NOT NULL, {_FOOT})",
    f"""CREATE TABLE pay_assignment ({_HEAD}, person_id UUID NOT NULL, plan_id UUID NOT NULL,
        from_date DATE NOT NULL, to_date DATE, CHECK (to_date >= from_date), {_FOOT})""",
    "CREATE INDEX pay_assignment_person ON pay_assignment (tenant_id, person_id)",
    f"""CREATE TABLE pay_quota ({_HEAD}, person_id UUID NOT NULL, measure TEXT NOT NULL,
        component TEXT, period TEXT NOT NULL, currency TEXT, amount_minor BIGINT, count INT,
        CHECK (num_nonnulls(amount_minor, count) = 1), {_FOOT})""",
    "CREATE INDEX pay_quota_person ON pay_quota (tenant_id, person_id, period)",
    f"""CREATE TABLE pay_period ({_HEAD}, name TEXT NOT NULL, granularity TEXT NOT NULL,
        closed_at TIMESTAMPTZ NOT NULL, {_FOOT})""",
    f"""CREATE TABLE pay_adjustment ({_HEAD}, person_id UUID NOT NULL, at TIMESTAMPTZ NOT NULL,
        amount_minor BIGINT NOT NULL, currency TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL, {_FOOT})""",
    "CREATE INDEX pay_adjustment_person ON pay_adjustment (tenant_id, person_id, at)",
)

# Who proposed an adjustment and who decided. One without a proposer is older than these columns and
# was posted by one person.
TWO_PEOPLE_DDL: Final = (
    """ALTER TABLE pay_adjustment
        ADD COLUMN status TEXT NOT NULL DEFAULT 'approved'
            CHECK (status IN ('proposed', 'approved', 'rejected')),
        ADD COLUMN proposed_by UUID, ADD COLUMN decided_by UUID, ADD COLUMN decided_at TIMESTAMPTZ,
        ADD CONSTRAINT neither_is_paid CHECK (person_id NOT IN (proposed_by, decided_by)),
        ADD CONSTRAINT two_people CHECK (status <> 'approved' OR proposed_by <> decided_by)""",
    "ALTER TABLE pay_adjustment ALTER COLUMN status DROP DEFAULT",
)

# What the statements of a closed period are made of, kept at its close and never changed: part of
# the book, not of a generation. Requests read it, the fold adds to it.
CLOSED_DDL: Final = (
    """CREATE TABLE closed_rules (
        tenant_id UUID NOT NULL, period TEXT NOT NULL, cause_event_id UUID NOT NULL,
        state BYTEA NOT NULL, PRIMARY KEY (tenant_id, period))""",
    """CREATE TABLE closed_deal (
        tenant_id UUID NOT NULL, period TEXT NOT NULL, deal_id UUID NOT NULL, deal_seq INT NOT NULL,
        people UUID[] NOT NULL, facts BYTEA NOT NULL, PRIMARY KEY (tenant_id, period, deal_id))""",
    *(
        statement
        for table in ("closed_rules", "closed_deal")
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"""CREATE POLICY tenant ON {table}
                USING (tenant_id = current_setting('app.tenant')::uuid)""",
            f"GRANT SELECT ON {table} TO {APP_ROLE}",
            f"GRANT SELECT, INSERT ON {table} TO {WORKER_ROLE}",
        )
    ),
)
