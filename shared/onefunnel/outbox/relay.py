"""The relay: carries finished events from a service's outbox to the log, in order, at least once.

One relay per service is active: it holds a lease with an epoch, and the log refuses writers of lower
epochs. Rows leave the outbox when the log has acknowledged them. Any error gives up the writer and
starts again with a new epoch from the rows that are there; a crash at any point only duplicates.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg

from onefunnel import faults, telemetry
from onefunnel.log.port import EventLog, LogError, Outgoing, Writer
from onefunnel.outbox.lease import RENEW_S, claim, new_owner, release, renew
from onefunnel.persistence.database import DRIVER_ERRORS, Database, DriverConnection
from onefunnel.wakeups import Listener, Pace

BATCH_ROWS: Final = 500
# A goal: after a batch beyond it the next ones have fewer rows. Summing in the SELECT costs a fifth of
# the whole relay, for records that are never seen outside of attacks.
BATCH_BYTES: Final = 8 * 1024 * 1024
APPEND_TIMEOUT_S: Final = 15.0

# One statement sees one snapshot. For one aggregate ids are taken under its lock, so whatever is
# visible has all its predecessors visible or gone: nothing is missed and nothing overtakes. A row of
# a lower id that commits later is simply found later; there is no position to have passed it.
_SELECT: Final = "SELECT id, topic, partition, key, record FROM outbox ORDER BY id LIMIT $1"
_DELETE: Final = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"

_log = telemetry.log("relay")


class LeaseLost(Exception):
    """Another relay has claimed the lease."""


class Relay:
    """One service's relay. `source` names the service in every event and in the log's fence."""

    def __init__(self, database: Database, log: EventLog, source: str, wake: Listener) -> None:
        self._database = database
        self._log = log
        self._source = source
        self._service = source.rpartition("/")[2]  # as metrics and logs call it
        self._wake = wake
        self._owner = new_owner()
        self._rows = BATCH_ROWS

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set; then finish the batch, let the lease go and return."""
        pace = Pace()
        while not stop.is_set():
            try:
                await self._one_epoch(stop, pace)
            except (*DRIVER_ERRORS, LogError, LeaseLost) as error:
                telemetry.count("relay_failures_total", service=self._service)
                _log.warning("relay_failed", source=self._source, error=repr(error))
            if not stop.is_set():
                await self._wake.wait(pace.pause_s())

    async def _one_epoch(self, stop: asyncio.Event, pace: Pace) -> None:
        async with self._database.driver() as connection:
            epoch = await claim(connection, self._source, self._owner)
            if epoch is None:  # another relay is active
                return
            writer = await self._log.open_writer(self._source, epoch)
            try:
                await self._publish(connection, writer, epoch, stop, pace)
                await release(connection, self._source, epoch)
            finally:
                await writer.close()

    async def _publish(
        self,
        connection: DriverConnection,
        writer: Writer,
        epoch: int,
        stop: asyncio.Event,
        pace: Pace,
    ) -> None:
        clock = asyncio.get_running_loop().time
        renew_at = clock() + RENEW_S
        while not stop.is_set():
            limit = self._rows
            sent = await self._batch(connection, writer, limit)
            if sent:
                pace.reset()
            if clock() >= renew_at:
                if not await renew(connection, self._source, epoch):
                    raise LeaseLost
                renew_at = clock() + RENEW_S
            if sent < limit:
                await self._wake.wait(pace.pause_s())

    async def _batch(self, connection: DriverConnection, writer: Writer, limit: int) -> int:
        """Publish one batch; the next is not read before all of this one is acknowledged."""
        rows = await connection.fetch(_SELECT, limit)
        if not rows:
            return 0
        faults.point("relay.after_select")
        async with asyncio.timeout(APPEND_TIMEOUT_S):
            await writer.append(_outgoing(rows))
        faults.point("relay.after_append")
        await connection.execute(_DELETE, [row["id"] for row in rows])
        faults.point("relay.after_delete")
        too_big = sum(len(row["record"]) for row in rows) > BATCH_BYTES
        self._rows = max(1, limit // 2) if too_big else min(BATCH_ROWS, 2 * limit)
        telemetry.count("relay_published_total", len(rows), service=self._service)
        return len(rows)


def _outgoing(rows: Sequence[asyncpg.Record]) -> list[Outgoing]:
    return [Outgoing(r["topic"], r["partition"], r["key"], r["record"]) for r in rows]
