"""Partitions that were halted: seen by an operator, and let go on by one."""

from dataclasses import dataclass
from typing import Final

from onefunnel.errors import conflict, not_found
from onefunnel.log.port import Partition
from onefunnel.persistence.database import DriverConnection

_HALTED: Final = """
SELECT topic, partition, next_position, halt_reason FROM stream_partition
WHERE group_id = $1 AND status = 'halted' ORDER BY topic, partition"""
_LOCK: Final = """
SELECT next_position, coalesce(halt_reason, ''), status FROM stream_partition
WHERE group_id = $1 AND topic = $2 AND partition = $3 FOR UPDATE"""
_RESUME: Final = """
UPDATE stream_partition SET status = 'running', halt_reason = NULL, dead_in_a_row = 0,
    lease_until = now()
WHERE group_id = $1 AND topic = $2 AND partition = $3"""


@dataclass(frozen=True, slots=True)
class Halted:
    """A partition that nobody reads until an operator resumes it, at the record it will go on with."""

    topic: str
    partition: int
    position: int
    reason: str


async def halted(connection: DriverConnection, group: str) -> list[Halted]:
    """Return the halted partitions of a group."""
    rows = await connection.fetch(_HALTED, group)
    return [Halted(*row) for row in rows]


async def resume(connection: DriverConnection, group: str, partition: Partition) -> Halted:
    """Let a halted partition be claimed again, where it stopped; return what it was halted for.

    Raises `not-found` where there is none and `conflict` where it is running. What it was halted
    for may halt it again.
    """
    place = (group, partition.topic, partition.number)
    row = await connection.fetchrow(_LOCK, *place)
    if row is None:
        raise not_found("partition")
    position, reason, status = row
    if status != "halted":
        raise conflict("The partition is not halted.")
    await connection.execute(_RESUME, *place)
    return Halted(partition.topic, partition.number, position, reason)
