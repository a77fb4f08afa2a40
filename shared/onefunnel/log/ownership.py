"""Who reads which partition, and how far: rows with an epoch in the consumer's own database.

Members, leases and clocks (the database's only) decide who tries; safety is the epoch alone. A turn
locks its partitions, checks that they are still its own and stand where it expects, and moves them on
in the same transaction as its effect: committed turns form a gapless chain per partition (ADR 0018).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from onefunnel.log import members
from onefunnel.log.port import Partition, PartitionsChanged, TopicSpec
from onefunnel.log.sharing import Standing, plan
from onefunnel.persistence.database import DriverConnection
from onefunnel.persistence.migrations import worker_table_ddl
from onefunnel.persistence.urls import APP_ROLE

RENEW_S: Final = 1.5

STREAM_PARTITION_DDL: Final = (
    """CREATE TABLE stream_partition (
        group_id TEXT NOT NULL,
        topic TEXT NOT NULL,
        partition INT NOT NULL,
        next_position BIGINT NOT NULL DEFAULT 0,
        epoch BIGINT NOT NULL DEFAULT 0,
        owner TEXT,
        lease_until TIMESTAMPTZ,
        log_id UUID NOT NULL,
        last_event_id UUID,
        dead_in_a_row INT NOT NULL DEFAULT 0,
        status TEXT NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'halted')),
        halt_reason TEXT,
        end_position BIGINT NOT NULL DEFAULT 0,
        seen_at TIMESTAMPTZ,
        PRIMARY KEY (group_id, topic, partition)
    ) WITH (fillfactor = 20)""",
    *worker_table_ddl("stream_partition"),
    f"GRANT SELECT ON stream_partition TO {APP_ROLE}",  # how far behind: no read asks the log
)

_CREATE: Final = """
INSERT INTO stream_partition (group_id, topic, partition, log_id, lease_until)
SELECT $1, $2, generate_series(0, $3::int - 1), $4, now() ON CONFLICT DO NOTHING"""
_COUNT: Final = "SELECT count(*) FROM stream_partition WHERE group_id = $1 AND topic = $2"
_STANDINGS: Final = """
SELECT topic, partition, epoch, owner FROM stream_partition WHERE group_id = $1"""
# Free is what nobody has, and what a member had that lives no more and whose lease ran out. Of that I
# claim what belongs to me, and what has been resting for another lease, whomever it belongs to: a
# member may die before it has taken what was let go for it.
_CLAIM: Final = """
WITH free AS (
    SELECT topic, partition FROM stream_partition
    WHERE group_id = $1 AND status = 'running'
        AND (owner IS NULL OR owner = $2 OR owner <> ALL ($6::text[]) AND lease_until < now())
        AND ((topic, partition) IN (SELECT * FROM unnest($4::text[], $5::int[]))
            OR owner IS DISTINCT FROM $2 AND lease_until < now() - make_interval(secs => $3))
    ORDER BY topic, partition FOR UPDATE SKIP LOCKED
)
UPDATE stream_partition p
SET epoch = epoch + 1, owner = $2, lease_until = now() + make_interval(secs => $3)
FROM free f WHERE p.group_id = $1 AND (p.topic, p.partition) = (f.topic, f.partition)
RETURNING p.topic, p.partition, p.epoch, p.next_position, p.log_id, p.last_event_id, p.dead_in_a_row"""
_LOCK: Final = """
SELECT p.topic, p.partition, p.epoch, p.next_position, p.status FROM stream_partition p
WHERE p.group_id = $1
    AND (p.topic, p.partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))
ORDER BY p.topic, p.partition FOR UPDATE"""
_ADVANCE: Final = """
UPDATE stream_partition p
SET next_position = m.next, last_event_id = coalesce(m.last, p.last_event_id), dead_in_a_row = m.dead,
    lease_until = now() + make_interval(secs => $2)
FROM unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::uuid[], $8::int[])
    AS m (topic, partition, epoch, next, last, dead)
WHERE p.group_id = $1 AND (p.topic, p.partition, p.epoch) = (m.topic, m.partition, m.epoch)"""
# Idle partitions only wait for nothing: a row that is locked is being worked on, and renews itself.
_RENEW: Final = """
WITH mine AS (
    SELECT topic, partition FROM stream_partition
    WHERE group_id = $1 AND owner = $2 AND lease_until < now() + make_interval(secs => $3 * 0.6)
    ORDER BY topic, partition FOR UPDATE SKIP LOCKED
)
UPDATE stream_partition p SET lease_until = now() + make_interval(secs => $3)
FROM mine m WHERE p.group_id = $1 AND (p.topic, p.partition) = (m.topic, m.partition)"""
# Where nobody owns a partition, `lease_until` says since when.
_GIVE_UP: Final = """
WITH mine AS (
    SELECT topic, partition FROM stream_partition
    WHERE group_id = $1 AND owner = $2
        AND (topic, partition) IN (SELECT * FROM unnest($3::text[], $4::int[]))
    ORDER BY topic, partition FOR UPDATE SKIP LOCKED
)
UPDATE stream_partition p SET owner = NULL, lease_until = now()
FROM mine m WHERE p.group_id = $1 AND (p.topic, p.partition) = (m.topic, m.partition)"""
_HALT: Final = """
UPDATE stream_partition
SET status = 'halted', halt_reason = $5, owner = NULL, lease_until = NULL, epoch = epoch + 1
WHERE group_id = $1 AND topic = $2 AND partition = $3 AND epoch = $4"""
# Of my partitions only: another's turn may hold the others, and knows their ends better. Where nothing was
# taken yet, no event says up to when all were: `seen_at` stays at the last look that found nothing.
_ENDS: Final = """
WITH mine AS (
    SELECT p.topic, p.partition, e.position FROM stream_partition p
    JOIN unnest($3::text[], $4::int[], $5::bigint[]) AS e (topic, partition, position)
        ON (p.topic, p.partition) = (e.topic, e.partition)
    WHERE p.group_id = $1 AND p.owner = $2
    ORDER BY p.topic, p.partition FOR UPDATE OF p SKIP LOCKED
)
UPDATE stream_partition p SET end_position = m.position, seen_at = CASE
    WHEN p.last_event_id IS NULL AND p.next_position < m.position THEN p.seen_at ELSE now() END
FROM mine m WHERE p.group_id = $1 AND (p.topic, p.partition) = (m.topic, m.partition)"""


class ClaimLost(Exception):
    """Somebody else owns a partition now, or it is not where we left it. Drop all claims, claim again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition that is ours as long as nobody has raised its epoch, and where to read on."""

    partition: Partition
    epoch: int
    next_position: int
    log_id: UUID
    last_event_id: UUID | None
    dead_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """Where a turn leaves a partition. `last_event_id` is that of the record at `next_position - 1`."""

    claim: Claim
    next_position: int
    last_event_id: UUID | None
    dead_in_a_row: int = 0


async def ensure_partitions(
    connection: DriverConnection, group: str, topics: Sequence[TopicSpec]
) -> None:
    """Create the rows of a group that are missing, from position 0. Many processes may do it at once.

    Raises `PartitionsChanged` where a topic has another number of partitions than it had.
    """
    for topic in topics:
        found = await connection.fetchval(_COUNT, group, topic.name)
        if found not in (0, topic.partitions):
            raise PartitionsChanged(
                f"{topic.name} has {topic.partitions} partitions, {group} knows {found}: keys would"
                " change place, and nobody reads on"
            )
        await connection.execute(_CREATE, group, topic.name, topic.partitions, topic.log_id)


async def take_share(
    connection: DriverConnection, group: str, owner: str, held: Mapping[Partition, Claim]
) -> dict[Partition, Claim]:
    """Be a member, and own what belongs to this member; return the claims from now on.

    Call it between turns, well within each lease: it renews the leases of what is kept, gives up what
    belongs to another and claims what belongs to us and is free, in this order and without waiting for
    anybody. With nothing `held` the partitions that bear our name are claimed anew: after an error.
    """
    await members.attend(connection, group, owner)
    living = await members.living(connection, group)
    epochs = {partition: claim.epoch for partition, claim in held.items()}
    share = plan(owner, living, await _standings(connection, group), epochs)
    if share.give_up:
        await connection.execute(_GIVE_UP, group, owner, *_columns(share.give_up))
    await connection.execute(_RENEW, group, owner, members.LEASE_S)
    kept = {partition: claim for partition, claim in held.items() if partition in share.keep}
    return kept | await _claim(connection, group, owner, share.attempt, living)


async def lock(connection: DriverConnection, group: str, claims: Collection[Claim]) -> None:
    """First step of a turn's transaction: lock its partitions in order and check every claim.

    Raises `ClaimLost` unless each is running, of our epoch and exactly where we expect it.
    """
    rows = await connection.fetch(
        _LOCK, group, [c.partition.topic for c in claims], [c.partition.number for c in claims]
    )
    found = {(row["topic"], row["partition"]): tuple(row)[2:] for row in rows}
    for claim in claims:
        if found.get(claim.partition) != (claim.epoch, claim.next_position, "running"):
            raise ClaimLost(f"{group}: {claim.partition}")


async def advance(
    connection: DriverConnection, group: str, moves: Sequence[Advance]
) -> dict[Partition, Claim]:
    """Last step of a turn's transaction: move its partitions on, renew their leases, return the claims.

    Raises `ClaimLost` if any row is not of our epoch; the transaction must then be undone.
    """
    answer = await connection.execute(
        _ADVANCE, group, members.LEASE_S,
        [m.claim.partition.topic for m in moves], [m.claim.partition.number for m in moves],
        [m.claim.epoch for m in moves], [m.next_position for m in moves],
        [m.last_event_id for m in moves], [m.dead_in_a_row for m in moves],
    )  # fmt: skip
    if answer != f"UPDATE {len(moves)}":
        raise ClaimLost(f"{group}: {answer} of {len(moves)}")
    return {move.claim.partition: _moved(move) for move in moves}


async def release(connection: DriverConnection, group: str, owner: str) -> None:
    """Give everything back and be no member any more: the next owner need not wait for the leases."""
    standings = await _standings(connection, group)
    mine = [partition for partition, standing in standings.items() if standing.owner == owner]
    await connection.execute(_GIVE_UP, group, owner, *_columns(mine))
    await members.leave(connection, group, owner)


async def halt(connection: DriverConnection, group: str, claim: Claim, reason: str) -> None:
    """Stop a partition until an operator resumes it; its position does not move."""
    place = claim.partition
    await connection.execute(_HALT, group, place.topic, place.number, claim.epoch, reason)


async def note_ends(
    connection: DriverConnection, group: str, owner: str, ends: Mapping[Partition, int]
) -> None:
    """Write down where the log ends, for `lag_events`: what no read may ask the log itself."""
    ordered = sorted(ends)
    await connection.execute(_ENDS, group, owner, *_columns(ordered), [ends[p] for p in ordered])


async def _claim(
    connection: DriverConnection,
    group: str,
    owner: str,
    wanted: Collection[Partition],
    living: Sequence[str],
) -> dict[Partition, Claim]:
    rows = await connection.fetch(_CLAIM, group, owner, members.LEASE_S, *_columns(wanted), living)
    claims = [Claim(Partition(row[0], row[1]), *row[2:]) for row in map(tuple, rows)]
    return {claim.partition: claim for claim in sorted(claims, key=lambda c: c.partition)}


async def _standings(connection: DriverConnection, group: str) -> dict[Partition, Standing]:
    rows = await connection.fetch(_STANDINGS, group)
    return {Partition(row[0], row[1]): Standing(row[2], row[3]) for row in rows}


def _columns(partitions: Collection[Partition]) -> tuple[list[str], list[int]]:
    return [p.topic for p in partitions], [p.number for p in partitions]


def _moved(move: Advance) -> Claim:
    claim = move.claim
    return Claim(
        claim.partition, claim.epoch, move.next_position, claim.log_id,
        move.last_event_id or claim.last_event_id, move.dead_in_a_row,
    )  # fmt: skip
