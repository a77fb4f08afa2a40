"""Reads what CRMs delivered, soon after it was stored: a turn is a few deliveries of one tenant."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.application.reading import Connections, Waiting, read_next, set_aside
from gateway.application.sharing import Sharing
from gateway.entrypoints.taking_in import SOURCE, SYSTEM
from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.errors import DomainError
from onefunnel.events.envelope import Metadata
from onefunnel.http.writes import TenantDatabase
from onefunnel.ids import new_id
from onefunnel.wakeups import Listener, Pace

AT_ONCE: Final = 64

_log = telemetry.log("webhooks")


class Unread(Protocol):
    """Finds work in any tenant."""

    async def tenant(self) -> UUID | None:
        """Return whose delivery has waited longest of those that nobody reads now, None if there is none."""
        ...


class Reader:
    """Reads deliveries of all tenants. Several may run: what one holds, the others pass over."""

    def __init__(
        self,
        unread: Unread,
        database: TenantDatabase,
        deliveries: Callable[[AsyncConnection, Metadata], Waiting],
        connections: Callable[[AsyncConnection], Connections],
        sharing: Sharing,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._unread = unread
        self._database = database
        self._deliveries = deliveries
        self._connections = connections
        self._sharing = sharing
        self._clock = clock
        self._wake = wake

    async def run(self, stop: asyncio.Event, listener: Listener) -> None:
        """Read until stopped, and finish the turn that is under way."""
        pace = Pace()
        while not stop.is_set():
            try:
                worked = await self.turn()
            except DomainError as error:  # the database is away: the next turn comes in any case
                _log.warning("webhook.not_read", error=error.code)
                worked = False
            if worked:
                pace.reset()
            else:
                await listener.wait(pace.pause_s())

    async def turn(self) -> bool:
        """Read what has waited longest; say whether anything waited."""
        tenant_id = await self._unread.tenant()
        if tenant_id is None:
            return False
        await self._read(tenant_id)
        self._wake()
        return True

    async def _read(self, tenant_id: UUID) -> None:
        """Read what waits; where that breaks, one alone; where that breaks too, it is set aside."""
        for most in (AT_ONCE, 1):
            try:
                await self._read_next(tenant_id, most)
            except DomainError:
                raise
            except Exception:  # noqa: BLE001 - one delivery holds up no other
                _log.exception("webhook.reader_broke", at_once=most)
            else:
                return
        async with self._database.tenant(tenant_id) as conn:
            await set_aside(deliveries=self._deliveries(conn, self._metadata(tenant_id)))

    async def _read_next(self, tenant_id: UUID, most: int) -> None:
        async with self._database.tenant(tenant_id) as conn:
            deliveries = self._deliveries(conn, self._metadata(tenant_id))
            await read_next(
                most,
                deliveries=deliveries,
                connections=self._connections(conn),
                sharing=self._sharing.for_a_turn(),
            )

    def _metadata(self, tenant_id: UUID) -> Metadata:
        return Metadata(tenant_id, SOURCE, SYSTEM, str(new_id()), self._clock.now())
