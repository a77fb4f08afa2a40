"""What is older than its topic's retention leaves the PostgreSQL log, now and then."""

import asyncio
from typing import Final

from onefunnel import telemetry
from onefunnel.log.port import Unavailable
from onefunnel.log.postgres_log import PostgresLog

EVERY_S: Final = 3_600.0

_log = telemetry.log("retention")


async def keep_retention(
    log: PostgresLog, stop: asyncio.Event, *, every_s: float = EVERY_S
) -> None:
    """Expire old records now and then, until stopped: background of a worker process."""
    while not stop.is_set():
        try:
            if expired := await log.expire():
                _log.info("records_expired", records=expired)
        except Unavailable as error:  # the next turn comes in any case
            _log.warning("records_not_expired", error=str(error))
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            continue
