"""The relay's lease: one active relay per service. Clocks decide who tries; the epoch decides who may."""

import os
import socket
from typing import Final

from onefunnel.ids import new_id
from onefunnel.persistence.database import DriverConnection

LEASE_S: Final = 5
RENEW_S: Final = 1.5

_CLAIM: Final = """
INSERT INTO relay_lease AS l (name, epoch, owner, lease_until)
VALUES ($1, 1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
SET epoch = l.epoch + 1, owner = excluded.owner, lease_until = excluded.lease_until
WHERE l.owner IS NULL OR l.owner = excluded.owner OR l.lease_until < now()
RETURNING epoch"""
_RENEW: Final = """
UPDATE relay_lease SET lease_until = now() + make_interval(secs => $3)
WHERE name = $1 AND epoch = $2 RETURNING 1"""
_RELEASE: Final = (
    "UPDATE relay_lease SET owner = NULL, lease_until = NULL WHERE name = $1 AND epoch = $2"
)


def new_owner() -> str:
    """Return a name for one relay or consumer that no other ever has."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id()}"


async def claim(connection: DriverConnection, name: str, owner: str) -> int | None:
    """Take the lease if it is free, ours or run out; return the new epoch, or None."""
    epoch: int | None = await connection.fetchval(_CLAIM, name, owner, LEASE_S)
    return epoch


async def renew(connection: DriverConnection, name: str, epoch: int) -> bool:
    """Keep the lease; say whether it was still ours."""
    return bool(await connection.fetchval(_RENEW, name, epoch, LEASE_S))


async def release(connection: DriverConnection, name: str, epoch: int) -> None:
    """Let the next relay start at once instead of after the lease."""
    await connection.execute(_RELEASE, name, epoch)
