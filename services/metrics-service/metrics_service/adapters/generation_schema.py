"""One generation of the projections: a schema of its own, made by one function that takes its name.

Everything in here follows from the journal. A change of shape is never migrated but rebuilt.
"""

from hashlib import sha256
from typing import Final

from metrics_service.adapters.counter_tables import TABLE_OF
from metrics_service.adapters.entity_tables import ENTITY_TABLES
from onefunnel.persistence.urls import APP_ROLE

# Positions of the aggregates that have no entity row: reference data, feedback.
_STREAM: Final = """CREATE TABLE {schema}.stream (
    id UUID NOT NULL, tenant_id UUID NOT NULL, aggregate_code SMALLINT NOT NULL, seq INT NOT NULL)"""

# Snapshots of a tenant's rules, numbered; older ones only while `rederive` refers to them.
_RULES: Final = """CREATE TABLE {schema}.definitions (
    tenant_id UUID NOT NULL, rules BIGINT NOT NULL, cause_event_id UUID NOT NULL,
    state BYTEA NOT NULL)"""

# Who is credited with a won deal: finds the deals that a plan or an assignment touches.
_CREDIT: Final = """CREATE TABLE {schema}.deal_credit (
    tenant_id UUID NOT NULL, person_id UUID NOT NULL, booked_on DATE NOT NULL, deal_id UUID NOT NULL)"""

# Entities whose contributions still follow older rules, and under which.
_REDERIVE: Final = """CREATE TABLE {schema}.rederive (
    tenant_id UUID NOT NULL, entity_id UUID NOT NULL, owner_code SMALLINT NOT NULL,
    rules BIGINT NOT NULL)"""

# Ledger keys to be settled when nothing of the tenant is left in `rederive`, and because of what.
_PAY_DUE: Final = """CREATE TABLE {schema}.pay_due (
    tenant_id UUID NOT NULL, payee_id UUID NOT NULL, component TEXT NOT NULL,
    earned_period TEXT NOT NULL, currency TEXT NOT NULL, cause_event_id UUID NOT NULL)"""

_PLAIN: Final = {
    "stream": (_STREAM, "id, aggregate_code, tenant_id"),
    "definitions": (_RULES, "tenant_id, rules"),
    "deal_credit": (_CREDIT, "tenant_id, person_id, booked_on, deal_id"),
    "rederive": (_REDERIVE, "tenant_id, owner_code, entity_id"),
    "pay_due": (_PAY_DUE, "tenant_id, payee_id, component, earned_period, currency"),
}

# What a rebuild must come to byte for byte. The rest is bookkeeping: numbers of rules, work to do.
PROJECTIONS: Final = (
    *(table.name for table in ENTITY_TABLES.values()),
    "stream",
    "deal_credit",
    *(table.name for table in TABLE_OF.values()),
)
TABLES: Final = (*PROJECTIONS, "definitions", "rederive", "pay_due")


def tables_ddl(schema: str) -> list[str]:
    """Return the statements that make a generation's schema and its tables, without keys."""
    statements = [f"CREATE SCHEMA {schema}", f"GRANT USAGE ON SCHEMA {schema} TO {APP_ROLE}"]
    statements += [ddl.format(schema=schema) for ddl, _ in _PLAIN.values()]
    statements += [table.ddl(schema) for table in ENTITY_TABLES.values()]
    statements += [table.ddl(schema) for table in TABLE_OF.values()]
    for table in TABLES:
        statements += _walled(f"{schema}.{table}")
    return statements


def _walled(table: str) -> list[str]:
    """Return the statements that let requests read their tenant's rows; the owner, a worker, writes."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING (tenant_id = current_setting('app.tenant')::uuid)",
        f"GRANT SELECT ON {table} TO {APP_ROLE}",
    ]


def indexes_ddl(schema: str) -> list[str]:
    """Return the statements that make its keys and indexes."""
    statements = [
        f"ALTER TABLE {schema}.{name} ADD PRIMARY KEY ({key})" for name, (_, key) in _PLAIN.items()
    ]
    statements.append(f"CREATE INDEX deal_credit_deal ON {schema}.deal_credit (deal_id)")
    for entity in ENTITY_TABLES.values():
        statements += entity.indexes(schema)
    statements += [table.primary_key(schema) for table in TABLE_OF.values()]
    return statements


def generation_ddl(schema: str) -> list[str]:
    """Return all statements that make an empty generation, to be run by the worker role."""
    return [*tables_ddl(schema), *indexes_ddl(schema)]


def shape() -> str:
    """Return a word for the tables' definition: another word in the database asks for a rebuild."""
    return sha256("\n".join(generation_ddl("g")).encode()).hexdigest()[:16]
