"""Who lives in a group of consumers: names with a lease by the database's clock.

Membership decides only who tries for which partition. A member that is thought dead and works on does
no harm, and one that is dead and thought living costs no more than its lease.
"""

from typing import Final

from onefunnel.persistence.database import DriverConnection
from onefunnel.persistence.migrations import worker_table_ddl

# Of members and of their partitions alike. Short, because it decides how long a killed worker's
# partitions rest; a turn that outlives it is not disturbed, for claims skip rows that are locked.
LEASE_S: Final = 6

STREAM_MEMBER_DDL: Final = (
    """CREATE TABLE stream_member (
        group_id TEXT NOT NULL,
        name TEXT NOT NULL,
        lease_until TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (group_id, name)
    )""",
    *worker_table_ddl("stream_member"),
)

# Written only when a good part of the lease has passed: most calls change nothing.
_ATTEND: Final = """
INSERT INTO stream_member AS m (group_id, name, lease_until)
VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (group_id, name) DO UPDATE SET lease_until = excluded.lease_until
WHERE m.lease_until < now() + make_interval(secs => $3 * 0.6)"""
_BURY: Final = """
DELETE FROM stream_member WHERE group_id = $1 AND name IN (
    SELECT name FROM stream_member WHERE group_id = $1 AND lease_until < now()
    FOR UPDATE SKIP LOCKED)"""
_LIVING: Final = """
SELECT name FROM stream_member WHERE group_id = $1 AND lease_until >= now()"""
_LEAVE: Final = "DELETE FROM stream_member WHERE group_id = $1 AND name = $2"


async def attend(connection: DriverConnection, group: str, name: str) -> None:
    """Be a member for one more lease. Names are never used again, so the dead are forgotten."""
    await connection.execute(_ATTEND, group, name, LEASE_S)
    await connection.execute(_BURY, group)


async def living(connection: DriverConnection, group: str) -> list[str]:
    """Return the members whose leases run."""
    return [row[0] for row in await connection.fetch(_LIVING, group)]


async def leave(connection: DriverConnection, group: str, name: str) -> None:
    """Be no member any more, at once."""
    await connection.execute(_LEAVE, group, name)
