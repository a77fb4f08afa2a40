"""Dead letters of a consumer: records that can never be applied, kept with their bytes and their reason.

An operator looks at them, and asks for a redrive or discards them; the consumer carries redrives out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from onefunnel.errors import conflict, not_found
from onefunnel.log.port import Partition
from onefunnel.persistence.database import DriverConnection
from onefunnel.persistence.migrations import worker_table_ddl

LIST_LIMIT: Final = 500
REASON_LIMIT: Final = 1_000

Status = Literal["dead", "redrive", "redriven", "discarded"]

DEAD_EVENT_DDL: Final = (
    """CREATE TABLE dead_event (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        group_id TEXT NOT NULL,
        topic TEXT NOT NULL,
        partition INT NOT NULL,
        position BIGINT NOT NULL,
        event_id UUID,
        tenant_id UUID,
        type TEXT,
        reason TEXT NOT NULL,
        attempts INT NOT NULL DEFAULT 1,
        status TEXT NOT NULL DEFAULT 'dead'
            CHECK (status IN ('dead', 'redrive', 'redriven', 'discarded')),
        actor TEXT,
        died_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        record BYTEA NOT NULL
    )""",
    "CREATE INDEX dead_event_open ON dead_event (id) WHERE status IN ('dead', 'redrive')",
    "CREATE INDEX dead_event_id ON dead_event (event_id)",
    *worker_table_ddl("dead_event"),
)

_FIELDS: Final = (
    "id, group_id, topic, partition, position, event_id, tenant_id, type, reason, attempts,"
    " status, actor, died_at, changed_at, record"
)
_INSERT: Final = """
INSERT INTO dead_event (group_id, topic, partition, position, event_id, tenant_id, type, reason, record)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_LIST: Final = f"""
SELECT {_FIELDS} FROM dead_event WHERE group_id = $1 AND status = ANY($2::text[]) AND id > $3
ORDER BY id LIMIT {LIST_LIMIT}"""
_RECORDS: Final = """
SELECT event_id, record FROM dead_event WHERE group_id = $1 AND event_id = ANY($2::uuid[])"""
_SHOW: Final = f"SELECT {_FIELDS} FROM dead_event WHERE group_id = $1 AND id = $2"
_DECIDE: Final = """
UPDATE dead_event SET status = $4, actor = $3, changed_at = now()
WHERE group_id = $1 AND id = $2 AND status IN ('dead', 'redrive') RETURNING 1"""
COUNT_OPEN: Final = "SELECT count(*) FROM dead_event WHERE status IN ('dead', 'redrive')"
_TAKE: Final = f"""
SELECT {_FIELDS} FROM dead_event WHERE group_id = $1 AND status = 'redrive'
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"""
_SETTLE: Final = """
UPDATE dead_event SET status = $3, reason = $4, attempts = attempts + 1, changed_at = now()
WHERE group_id = $1 AND id = $2"""


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """One dead letter."""

    id: int
    group_id: str
    topic: str
    partition: int
    position: int
    event_id: UUID | None  # None where the bytes are no envelope
    tenant_id: UUID | None
    type: str | None
    reason: str
    attempts: int
    status: Status
    actor: str | None
    died_at: datetime
    changed_at: datetime
    record: bytes


@dataclass(frozen=True, slots=True)
class Death:
    """Why one record cannot be applied."""

    partition: Partition
    position: int
    record: bytes
    reason: str
    event_id: UUID | None = None
    tenant_id: UUID | None = None
    type: str | None = None


async def bury(connection: DriverConnection, group: str, death: Death) -> None:
    """Keep a record that cannot be applied, in the transaction that moves past it."""
    await connection.execute(
        _INSERT, group, death.partition.topic, death.partition.number, death.position,
        death.event_id, death.tenant_id, death.type, death.reason[:REASON_LIMIT], death.record,
    )  # fmt: skip


async def dead_records(
    connection: DriverConnection, group: str, event_ids: Sequence[UUID]
) -> dict[UUID, bytes]:
    """Return the bytes of those events that have died before, whatever became of them."""
    rows = await connection.fetch(_RECORDS, group, list(event_ids))
    return {row["event_id"]: row["record"] for row in rows}


async def list_dead(
    connection: DriverConnection,
    group: str,
    *,
    statuses: Sequence[Status] = ("dead", "redrive"),
    after: int = 0,
) -> list[DeadEvent]:
    """Return the group's dead letters in the order of their deaths, at most `LIST_LIMIT`."""
    return [DeadEvent(*row) for row in await connection.fetch(_LIST, group, list(statuses), after)]


async def show_dead(connection: DriverConnection, group: str, dead_id: int) -> DeadEvent:
    """Return one dead letter. Raises `not-found`."""
    row = await connection.fetchrow(_SHOW, group, dead_id)
    if row is None:
        raise not_found("dead letter")
    return DeadEvent(*row)


async def redrive(connection: DriverConnection, group: str, dead_id: int, actor: str) -> None:
    """Ask the consumer to apply it once more; asking twice is asking once. Raises if it is settled."""
    await _decide(connection, group, dead_id, actor, "redrive")


async def discard(connection: DriverConnection, group: str, dead_id: int, actor: str) -> None:
    """Give it up for good; its bytes stay. Raises if it is settled."""
    await _decide(connection, group, dead_id, actor, "discarded")


async def take_redrive(connection: DriverConnection, group: str) -> DeadEvent | None:
    """Lock the next letter whose redrive was asked for, or return None."""
    row = await connection.fetchrow(_TAKE, group)
    return DeadEvent(*row) if row else None


async def settle(
    connection: DriverConnection,
    letter: DeadEvent,
    status: Literal["redriven", "dead"],
    reason: str,
) -> None:
    """Write down how a redrive ended."""
    await connection.execute(_SETTLE, letter.group_id, letter.id, status, reason[:REASON_LIMIT])


async def _decide(
    connection: DriverConnection,
    group: str,
    dead_id: int,
    actor: str,
    status: Status,
) -> None:
    if not await connection.fetchval(_DECIDE, group, dead_id, actor, status):
        letter = await show_dead(connection, group, dead_id)
        raise conflict(f"The dead letter is {letter.status} already.", code="already-decided")
