"""The sealer: links rows into a chain, each over the one before it, within seconds of their commit.

Rows are found by what is left to seal, never by a position that was passed: a row of a lower id that
commits late is linked late, and not skipped. The head's row is locked while the chain grows: of two
sealers one works, and one that dies leaves nothing half done.
"""

import asyncio
from typing import Final

from sqlalchemy.exc import DBAPIError

from onefunnel import telemetry
from onefunnel.audit.entry import Marks
from onefunnel.audit.rows import entry_of
from onefunnel.audit.table import COLUMNS
from onefunnel.errors import DomainError
from onefunnel.persistence.database import DRIVER_ERRORS, Database, driver_of

SEALED_WITHIN_S: Final = 10
LOOK_EVERY_S: Final = 2.0
BATCH_ROWS: Final = 500

# The head first, and in READ COMMITTED: what another sealer linked before is seen by what follows.
_HEAD: Final = "SELECT n, hash FROM audit_head FOR UPDATE SKIP LOCKED"
_UNSEALED: Final = f"""
SELECT {COLUMNS} FROM audit JOIN audit_unsealed USING (tenant_id, id) ORDER BY id LIMIT $1"""
_LINK: Final = """
INSERT INTO audit_seal (n, tenant_id, audit_id, hash)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bytea[])"""
_LINKED: Final = """
DELETE FROM audit_unsealed u USING unnest($1::uuid[], $2::uuid[]) AS s (tenant_id, id)
WHERE u.tenant_id = s.tenant_id AND u.id = s.id"""
_MOVE: Final = "UPDATE audit_head SET n = $1, hash = $2"

_log = telemetry.log("audit")


async def seal(database: Database, marks: Marks) -> int:
    """Link what is not linked yet, in the order of ids, at most `BATCH_ROWS`; return how many."""
    async with database.transaction() as conn:
        driver = driver_of(conn)
        head = await driver.fetchrow(_HEAD)
        if head is None:  # another is at it
            return 0
        n, last = head
        entries = [entry_of(row) for row in await driver.fetch(_UNSEALED, BATCH_ROWS)]
        if not entries:
            return 0
        hashes = []
        for at, entry in enumerate(entries, start=n + 1):
            last = marks.seal(last, at, entry)
            hashes.append(last)
        tenants, ids = [e.tenant_id for e in entries], [e.id for e in entries]
        await driver.execute(_LINK, range(n + 1, n + 1 + len(entries)), tenants, ids, hashes)
        await driver.execute(_LINKED, tenants, ids)
        await driver.execute(_MOVE, n + len(entries), last)
    # A head in the log of the process is out of reach of whoever owns the database.
    _log.info("audit.sealed", database=database.name, n=n + len(entries), hash=last.hex())
    return len(entries)


async def keep_sealing(
    database: Database, internal_key: bytes, stop: asyncio.Event, *, every_s: float = LOOK_EVERY_S
) -> None:
    """Seal what comes until stopped: background of every service that writes."""
    marks = Marks(internal_key)
    while not stop.is_set():
        try:
            while await seal(database, marks) == BATCH_ROWS and not stop.is_set():
                pass
        except (
            *DRIVER_ERRORS,
            DBAPIError,
            DomainError,
        ) as error:  # the next turn comes in any case
            _log.warning("audit.not_sealed", error=type(error).__name__)
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            continue
