"""The tables outside the generations: what is never rebuilt."""

from typing import Final

from onefunnel.events.envelope import MAX_RECORD_BYTES
from onefunnel.log.ownership import STREAM_PARTITION_DDL
from onefunnel.persistence.migrations import tenant_table_ddl, worker_table_ddl
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

# Slim on purpose (ADR 0011): codes instead of names, 8-byte columns first, no hash column, one
# primary key and one partial unique index. It is most of what a million events cost on disk.
_JOURNAL: Final = f"""CREATE TABLE journal (
    position BIGINT NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    aggregate_seq INT,
    topic_code SMALLINT NOT NULL,
    partition SMALLINT NOT NULL,
    aggregate_code SMALLINT NOT NULL,
    type_code SMALLINT NOT NULL,
    event_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    aggregate_id UUID NOT NULL,
    record BYTEA NOT NULL CHECK (octet_length(record) <= {MAX_RECORD_BYTES}),
    CONSTRAINT journal_pkey PRIMARY KEY (event_id)
)"""

_JOURNAL_SEQUENCE: Final = """CREATE UNIQUE INDEX journal_sequence
    ON journal (aggregate_code, aggregate_id, aggregate_seq) WHERE aggregate_seq IS NOT NULL"""

# A parked event waits for the one before it. Its bytes are its own: the log may prune its copy.
_PARKED: Final = (
    """CREATE TABLE parked_event (
        event_id UUID PRIMARY KEY,
        tenant_id UUID NOT NULL,
        aggregate_id UUID NOT NULL,
        aggregate_seq INT NOT NULL,
        aggregate_code SMALLINT NOT NULL,
        topic_code SMALLINT NOT NULL,
        partition SMALLINT NOT NULL,
        position BIGINT NOT NULL,
        reason TEXT NOT NULL CHECK (reason IN ('gap', 'held')),
        parked_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        record BYTEA NOT NULL
    )""",
    "CREATE INDEX parked_event_aggregate ON parked_event (aggregate_id, aggregate_seq)",
)

# What could be read of a dead event's envelope is in its columns; the rest is NULL.
_DEAD: Final = (
    """CREATE TABLE dead_event (
        dead_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id UUID,
        tenant_id UUID,
        aggregate_id UUID,
        aggregate_seq INT,
        aggregate_code SMALLINT,
        topic_code SMALLINT NOT NULL,
        partition SMALLINT NOT NULL,
        position BIGINT NOT NULL,
        type TEXT,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'redriven', 'discarded')),
        attempts INT NOT NULL DEFAULT 1,
        actor TEXT,
        stepped_over BOOLEAN NOT NULL DEFAULT false, -- discarded, and its aggregate went on
        died_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        settled_at TIMESTAMPTZ,
        record BYTEA NOT NULL
    )""",
    "CREATE INDEX dead_event_event ON dead_event (event_id)",
    "CREATE INDEX dead_event_open ON dead_event (died_at) WHERE status = 'open'",
)

_HOLD: Final = """CREATE TABLE key_hold (
    dead_id BIGINT PRIMARY KEY REFERENCES dead_event,
    tenant_id UUID,
    aggregate_id UUID NOT NULL,
    aggregate_code SMALLINT NOT NULL
)"""

# Which generation answers, and of which shape it is: another shape in the code asks for a rebuild.
_GENERATION: Final = (
    """CREATE TABLE projection_generation (
        one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
        live INT NOT NULL,
        previous INT,
        shape TEXT NOT NULL,
        folded_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )""",
    f"GRANT SELECT ON projection_generation TO {APP_ROLE}",
    f"GRANT SELECT, UPDATE ON projection_generation TO {WORKER_ROLE}",
)

# A book: single entry, appended to, never changed. The grants say so, and a trigger says so again
# for whoever is granted more one day.
_LEDGER: Final = (
    """CREATE TABLE ledger_entry (
        entry_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
        posted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        tenant_id UUID NOT NULL,
        payee_id UUID NOT NULL,
        cause_event_id UUID NOT NULL,
        plan_id UUID,
        plan_version INT,
        component TEXT NOT NULL,
        earned_period TEXT NOT NULL,
        posted_period TEXT NOT NULL,
        account TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('earn', 'retro', 'clawback', 'adjustment')),
        currency TEXT NOT NULL,
        inputs JSONB NOT NULL,
        CONSTRAINT ledger_entry_once UNIQUE (
            tenant_id, payee_id, component, earned_period, currency,
            posted_period, cause_event_id, account, kind
        )
    )""",
    """CREATE FUNCTION refuse_change_of_the_book() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'ledger entries are never changed; post an adjustment';
    END $$""",
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_the_book()""",
    "ALTER TABLE ledger_entry ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE ledger_entry FORCE ROW LEVEL SECURITY",
    """CREATE POLICY tenant ON ledger_entry
        USING (tenant_id = current_setting('app.tenant')::uuid)
        WITH CHECK (tenant_id = current_setting('app.tenant')::uuid)""",
    f"GRANT SELECT ON ledger_entry TO {APP_ROLE}",
    f"GRANT SELECT, INSERT ON ledger_entry TO {WORKER_ROLE}",
)


def readable(table: str) -> list[str]:
    """Return the statements that let requests read their tenant's rows, and only the worker write."""
    return [
        *tenant_table_ddl(table),
        f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {APP_ROLE}",
    ]


TABLES_DDL: Final = (
    *STREAM_PARTITION_DDL,
    _JOURNAL,
    # Records are short and compressing each alone gains little for much CPU.
    "ALTER TABLE journal ALTER COLUMN record SET STORAGE EXTERNAL",
    _JOURNAL_SEQUENCE,
    *readable("journal"),
    *_PARKED,
    *readable("parked_event"),
    *_DEAD,
    *readable("dead_event"),
    _HOLD,
    *worker_table_ddl("key_hold"),
    *_GENERATION,
    *_LEDGER,
)
