"""Goes to the CRMs in the background: a turn is one question to one of them, and what its answer settles."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from gateway.application.channels import RENEW_EVERY, ChannelKeeping
from gateway.application.fetching import (
    Bench,
    Lane,
    LaneLost,
    Means,
    Settle,
    read_waiting,
    rest_after,
)
from gateway.application.reconciling import Ours, Pass, begin
from gateway.application.renewing import Renewal
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS
from onefunnel import telemetry
from onefunnel.errors import DomainError
from onefunnel.events.envelope import Metadata
from onefunnel.http.writes import TenantDatabase
from onefunnel.ids import new_id
from onefunnel.wakeups import Listener, Pace

SOURCE: Final = "/services/gateway"
SYSTEM: Final = "system:gateway"
LOOPS: Final = 2  # so many CRMs are asked at once; each by one

_log = telemetry.log("crm")


class Claims(Protocol):
    """Finds work in any tenant."""

    async def claim(self) -> Lane | None:
        """Take a lane in which there is something to do, None if there is none that is free."""
        ...


Ask = Callable[[], Awaitable[Settle]]


class CrmWorker:
    """Reads in CRMs what their webhooks only hinted at, and compares them with us now and then."""

    def __init__(
        self,
        claims: Claims,
        database: TenantDatabase,
        means: Means,
        ours: Ours,
        renewal: Renewal,
        channels: ChannelKeeping,
    ) -> None:
        self._claims = claims
        self._database = database
        self._means = means
        self._ours = ours
        self._renewal = renewal
        self._channels = channels

    async def run(self, stop: asyncio.Event, listen: Callable[[], Listener]) -> None:
        """Work until stopped; each loop finishes the turn that it is in."""
        await asyncio.gather(*(self._loop(stop, listen()) for _ in range(LOOPS)))

    async def turn(self) -> bool:
        """Ask one question if there is one to be asked; say whether there was."""
        lane = await self._claims.claim()
        if lane is None:
            return False
        try:
            await self._taken(lane)
        except LaneLost:
            _log.warning("crm.lane_lost", connection_id=str(lane.connection_id))
        return True

    async def _taken(self, lane: Lane) -> None:
        async with self._database.tenant(lane.tenant_id) as conn:
            bench = self._means.bench(conn, lane, self._metadata(lane.tenant_id))
            found = await self._next(bench, lane)
            if found is None:
                await bench.lane.let_go(rest_s=0, failures=lane.failures, trouble=None)
                return
        connection, ask = found
        settle = await ask()
        async with self._database.tenant(lane.tenant_id) as conn:
            bench = self._means.bench(conn, lane, self._metadata(lane.tenant_id))
            await bench.lane.hold()
            trouble = await settle(bench)
            rest_s, failures = rest_after(APIS[connection.provider], lane, trouble)
            code = trouble.code if trouble else None
            await bench.lane.let_go(rest_s=rest_s, failures=failures, trouble=code)
        # The connection's row is locked before its lane by whoever changes it, so never inside the lane.
        await self._renewal.note(connection, trouble)

    async def _next(self, bench: Bench, lane: Lane) -> tuple[Connection, Ask] | None:
        """Return what is asked next: for a token, for records that wait, then in comparison of everything."""
        connection = await bench.connections.get(lane.connection_id)
        if connection is None or connection.access is None:
            return None
        api, now = APIS[connection.provider], self._means.clock.now()
        if (upkeep := await self._upkeep(connection, bench, lane)) is not None:
            return connection, upkeep
        if waiting := await bench.lane.waiting(api.max_ids):
            return connection, partial(read_waiting, connection, waiting, self._means)
        if not lane.due:
            return None
        run = await bench.runs.running(connection.id)
        run = run or await begin(connection, "scheduled", runs=bench.runs, now=now)
        return connection, Pass(connection, run, self._means, self._ours)

    async def _upkeep(self, connection: Connection, bench: Bench, lane: Lane) -> Ask | None:
        """Return what a connection needs before it is asked for records: a token, an open channel."""
        assert connection.access is not None, "only what has access is kept up"
        if connection.access.needs_token(self._means.clock.now()):
            return partial(self._renewal.renew, connection)
        if not lane.channel_due:
            return None
        if connection.public_url or self._channels.public_url:
            return partial(self._channels.keep, connection)
        await bench.lane.channel_later(RENEW_EVERY)  # nobody has said yet where it would lead
        return None

    async def _loop(self, stop: asyncio.Event, listener: Listener) -> None:
        pace = Pace()
        while not stop.is_set():
            try:
                worked = await self.turn()
            except DomainError as error:  # the database is away: the next turn comes in any case
                _log.warning("crm.turn_failed", error=error.code)
                worked = False
            if worked:
                pace.reset()
            else:
                await listener.wait(pace.pause_s())

    def _metadata(self, tenant_id: UUID) -> Metadata:
        return Metadata(tenant_id, SOURCE, SYSTEM, str(new_id()), self._means.clock.now())
