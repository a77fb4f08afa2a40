"""Dead letters of reactions: events that could not be applied, and what waits behind them, with their bytes.

A dead event holds its key: later events of the same aggregate wait as parked rows of the same table,
so that a redrive applies them in order. One that nobody waits for (its id was taken) holds nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from onefunnel.errors import conflict, not_found
from onefunnel.log.port import Partition
from onefunnel.persistence.database import DriverConnection
from onefunnel.persistence.migrations import worker_table_ddl

REASON_LIMIT: Final = 1_000

DeadStatus = Literal["open", "redriven", "discarded"]

DEAD_EVENT_DDL: Final = (
    """CREATE TABLE dead_event (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        group_id TEXT NOT NULL,
        topic TEXT NOT NULL,
        partition INT NOT NULL,
        position BIGINT NOT NULL,
        event_id UUID,
        tenant_id UUID,
        aggregate TEXT,
        aggregate_id UUID,
        sequence BIGINT,
        type TEXT,
        reason TEXT NOT NULL,
        holds BOOLEAN NOT NULL,
        attempts INT NOT NULL DEFAULT 1,
        status TEXT NOT NULL CHECK (status IN ('open', 'parked', 'redriven', 'discarded')),
        actor TEXT,
        died_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        settled_at TIMESTAMPTZ,
        record BYTEA NOT NULL
    )""",
    "CREATE INDEX dead_event_list ON dead_event (tenant_id, id) WHERE status <> 'parked'",
    "CREATE INDEX dead_event_key ON dead_event (aggregate_id, id) WHERE status IN ('open', 'parked')",
    "CREATE INDEX dead_event_id ON dead_event (event_id)",
    *worker_table_ddl("dead_event"),
)

_INSERT: Final = """
INSERT INTO dead_event (group_id, topic, partition, position, event_id, tenant_id, aggregate,
    aggregate_id, sequence, type, reason, holds, status, attempts, record)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"""
_RECORDS: Final = """
SELECT event_id, record FROM dead_event WHERE group_id = $1 AND event_id = ANY($2::uuid[])"""
_HELD: Final = """
SELECT DISTINCT topic, tenant_id, aggregate_id FROM dead_event
WHERE group_id = $1 AND aggregate_id = ANY($2::uuid[]) AND status IN ('open', 'parked') AND holds"""
_LIST: Final = """
SELECT d.id, d.status, d.reason, NULL AS detail, d.type, d.event_id, d.aggregate, d.aggregate_id,
    d.sequence, d.topic, d.partition, d.position, d.attempts, d.died_at, d.settled_at, d.actor,
    (SELECT count(*) FROM dead_event p WHERE d.status = 'open' AND d.holds AND p.status = 'parked'
        AND p.aggregate_id = d.aggregate_id
        AND (p.group_id, p.topic, p.tenant_id) = (d.group_id, d.topic, d.tenant_id))::int AS waiting
FROM dead_event d
WHERE d.group_id = $1 AND d.tenant_id = $2 AND d.status <> 'parked'
    AND ($3::text IS NULL OR d.status = $3) AND d.id BETWEEN $4 AND $5
ORDER BY d.id LIMIT $6"""
# The partition's row first, as everywhere: a turn of the same partition waits, or is waited for.
_PARTITION: Final = """
SELECT FROM stream_partition p JOIN dead_event d USING (group_id, topic, partition)
WHERE d.group_id = $1 AND d.tenant_id = $2 AND d.id = $3 FOR UPDATE OF p"""
_OPEN: Final = """
SELECT id, group_id, topic, partition, position, tenant_id, aggregate_id, status, record
FROM dead_event WHERE group_id = $1 AND tenant_id = $2 AND id = $3 AND status <> 'parked' FOR UPDATE"""
_NEXT: Final = """
SELECT id, group_id, topic, partition, position, tenant_id, aggregate_id, status, record
FROM dead_event p WHERE group_id = $1 AND topic = $2 AND tenant_id = $3 AND aggregate_id = $4
    AND status = 'parked' AND NOT EXISTS (
        SELECT FROM dead_event d WHERE d.status = 'open' AND d.holds AND d.aggregate_id = $4
            AND d.group_id = $1 AND d.topic = $2 AND d.tenant_id = $3)
ORDER BY id LIMIT 1"""
_SETTLE: Final = "UPDATE dead_event SET status = $2, actor = $3, settled_at = now() WHERE id = $1"
_FAIL: Final = """
UPDATE dead_event SET status = 'open', reason = $2, attempts = attempts + 1 WHERE id = $1"""
_FREE: Final = "DELETE FROM dead_event WHERE id = $1 AND status = 'parked'"
_COUNT: Final = """
SELECT count(*) FILTER (WHERE status = 'open') AS dead, count(*) FILTER (WHERE status = 'parked') AS parked
FROM dead_event WHERE group_id = $1 AND tenant_id = $2 AND status IN ('open', 'parked')"""
COUNT_OPEN: Final = "SELECT count(*) FROM dead_event WHERE status = 'open'"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a service could not take in. `waiting` counts the events of its aggregate behind it."""

    id: int
    status: DeadStatus
    reason: str
    detail: str | None
    type: str | None
    event_id: UUID | None
    aggregate: str | None
    aggregate_id: UUID | None
    sequence: int | None
    topic: str
    partition: int
    position: int
    attempts: int
    died_at: datetime
    settled_at: datetime | None
    actor: str | None  # who settled it
    waiting: int


class Key(NamedTuple):
    """What is held: one aggregate of one tenant, as far as one topic tells of it."""

    topic: str
    tenant_id: UUID
    aggregate_id: UUID


@dataclass(frozen=True, slots=True)
class Death:
    """Why one record cannot be applied. No `key`: its bytes are no envelope."""

    partition: Partition
    position: int
    record: bytes
    reason: str
    event_id: UUID | None = None
    key: Key | None = None
    aggregate: str | None = None
    sequence: int | None = None
    type: str | None = None
    holds: bool = True  # whether later events of its key wait for it


class Kept(NamedTuple):
    """A record that was put aside, locked: a dead letter or one that waits behind it."""

    id: int
    group_id: str
    topic: str
    partition: int
    position: int
    tenant_id: UUID
    aggregate_id: UUID
    status: str
    record: bytes


async def bury(connection: DriverConnection, group: str, death: Death) -> None:
    """Keep a record that cannot be applied, in the transaction that moves past it."""
    await _keep(connection, group, death, "open", attempts=1)


async def park(connection: DriverConnection, group: str, death: Death) -> None:
    """Keep a record until the key that it belongs to is free, in the transaction that moves past it."""
    await _keep(connection, group, death, "parked", attempts=0)


async def dead_records(
    connection: DriverConnection, group: str, event_ids: Sequence[UUID]
) -> dict[UUID, bytes]:
    """Return the bytes of those events that were put aside before, whatever became of them."""
    rows = await connection.fetch(_RECORDS, group, list(event_ids))
    return {row["event_id"]: row["record"] for row in rows}


async def held_keys(
    connection: DriverConnection, group: str, aggregate_ids: Collection[UUID]
) -> set[Key]:
    """Return those keys of certain aggregates that a dead event holds."""
    return {Key(*row) for row in await connection.fetch(_HELD, group, list(aggregate_ids))}


async def list_dead(
    connection: DriverConnection,
    group: str,
    tenant_id: UUID,
    status: DeadStatus | None = None,
    *,
    after: int,
    limit: int,
) -> list[DeadLetter]:
    """Return the tenant's dead letters in the order of their deaths."""
    rows = await connection.fetch(_LIST, group, tenant_id, status, after + 1, 2**63 - 1, limit)
    return [DeadLetter(*row) for row in rows]


async def show_dead(
    connection: DriverConnection, group: str, tenant_id: UUID, dead_id: int
) -> DeadLetter:
    """Return one dead letter. Raises `not-found`."""
    row = await connection.fetchrow(_LIST, group, tenant_id, None, dead_id, dead_id, 1)
    if row is None:
        raise not_found("dead letter")
    return DeadLetter(*row)


async def count_dead(
    connection: DriverConnection, group: str, tenant_id: UUID
) -> Mapping[str, int]:
    """Return how many of the tenant's letters are open, and how many events wait behind them."""
    row = await connection.fetchrow(_COUNT, group, tenant_id)
    assert row is not None
    return {"dead_letters": row["dead"], "parked": row["parked"]}


async def open_dead(
    connection: DriverConnection, group: str, tenant_id: UUID, dead_id: int
) -> Kept:
    """Lock the partition of a dead letter, then the letter. Raises if it is settled or not there."""
    await connection.execute(_PARTITION, group, tenant_id, dead_id)
    row = await connection.fetchrow(_OPEN, group, tenant_id, dead_id)
    if row is None:
        raise not_found("dead letter")
    letter = Kept(*row)
    if letter.status != "open":
        raise conflict(f"The dead letter is {letter.status} already.", code="already-decided")
    return letter


async def next_waiting(connection: DriverConnection, letter: Kept) -> Kept | None:
    """Return the oldest event that waits for the letter's key, None while a dead one holds it."""
    key = (letter.group_id, letter.topic, letter.tenant_id, letter.aggregate_id)
    row = await connection.fetchrow(_NEXT, *key)
    return Kept(*row) if row else None


async def settle(
    connection: DriverConnection,
    letter: Kept,
    status: Literal["redriven", "discarded"],
    actor: str,
) -> None:
    """Write down how a letter ended, and who ended it."""
    await connection.execute(_SETTLE, letter.id, status, actor)


async def fail_again(connection: DriverConnection, letter: Kept, reason: str) -> None:
    """Count an attempt, and keep why it failed; what was parked is a dead letter from now on."""
    await connection.execute(_FAIL, letter.id, reason[:REASON_LIMIT])


async def free(connection: DriverConnection, waiting: Kept) -> None:
    """Forget a parked event that was applied: the inbox knows it now."""
    await connection.execute(_FREE, waiting.id)


async def _keep(
    connection: DriverConnection,
    group: str,
    death: Death,
    status: Literal["open", "parked"],
    *,
    attempts: int,
) -> None:
    tenant_id, aggregate_id = death.key[1:] if death.key else (None, None)
    await connection.execute(
        _INSERT, group, death.partition.topic, death.partition.number, death.position,
        death.event_id, tenant_id, death.aggregate, aggregate_id, death.sequence, death.type,
        death.reason[:REASON_LIMIT], death.holds, status, attempts, death.record,
    )  # fmt: skip
