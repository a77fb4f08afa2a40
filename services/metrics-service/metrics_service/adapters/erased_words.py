"""Words of people who were erased go: found in the journal, which has every erasure that was told."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.application.fold_codes import TYPE_CODE
from onefunnel.events.envelope import decode
from onefunnel.events.fast import decode_data
from onefunnel.log.arrivals import Handler
from onefunnel.persistence.database import driver_of
from onefunnel.vault.erasing import ERASED

AT_ONCE: Final = 100

# By an index of erasures alone. The fold commits in any order, so there is no position to go on from.
_UNHEARD: Final = f"""
SELECT event_id, record FROM journal j WHERE type_code = {TYPE_CODE[ERASED]}
AND NOT EXISTS (SELECT FROM erasure_heard h WHERE h.event_id = j.event_id)
ORDER BY event_id LIMIT {AT_ONCE}"""
_HEARD: Final = "INSERT INTO erasure_heard (event_id) VALUES ($1) ON CONFLICT DO NOTHING"


async def forget_erased(conn: AsyncConnection, forget: Handler) -> bool:
    """Let `forget` have the erasures that it has not had, in one transaction; say whether there may be more."""
    driver = driver_of(conn)
    rows = await driver.fetch(_UNHEARD)
    for row in rows:
        envelope = decode(row["record"])
        await forget(conn, envelope, decode_data(envelope.type, envelope.data))
        await driver.execute(_HEARD, row["event_id"])
    return len(rows) == AT_ONCE
