"""The inbox: which events a consumer has applied, with a digest of each, never pruned.

Written in the transaction of the effect, so that a redelivered event, however late, changes nothing.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final
from uuid import UUID

from onefunnel.log.dead_letters import DEAD_EVENT_DDL
from onefunnel.log.ownership import STREAM_PARTITION_DDL
from onefunnel.persistence.database import DriverConnection
from onefunnel.persistence.migrations import worker_table_ddl

# Everything that a service with reactions needs in its database.
INBOX_DDL: Final = (
    *STREAM_PARTITION_DDL,
    *DEAD_EVENT_DDL,
    """CREATE TABLE inbox (
        event_id UUID PRIMARY KEY,
        digest BYTEA NOT NULL,
        applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )""",
    *worker_table_ddl("inbox"),
)

_KNOWN: Final = "SELECT event_id, digest FROM inbox WHERE event_id = ANY($1::uuid[])"
_ADD: Final = """
INSERT INTO inbox (event_id, digest) SELECT * FROM unnest($1::uuid[], $2::bytea[])"""


def digest_of(record: bytes) -> bytes:
    """Return what tells two records of one id apart."""
    return blake2b(record, digest_size=16).digest()


async def known(connection: DriverConnection, event_ids: list[UUID]) -> dict[UUID, bytes]:
    """Return the digests of those events that were applied before."""
    return {row[0]: row[1] for row in await connection.fetch(_KNOWN, event_ids)}


async def add(connection: DriverConnection, digests: Mapping[UUID, bytes]) -> None:
    """Note events as applied. An event that is there already is an error: the turn is undone."""
    if digests:
        await connection.execute(_ADD, list(digests), list(digests.values()))
