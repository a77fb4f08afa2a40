"""Goes to the CRMs in the background: a turn is one question to one of them, and what its answer settles."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from gateway.application.asking import Trouble
from gateway.application.fetching import (
    Bench,
    Lane,
    LaneLost,
    Means,
    Question,
    Waiting,
    asked,
    rest_after,
    settle_read,
    to_read,
)
from gateway.domain.crm_api.apis import APIS
from gateway.domain.crm_api.calls import Reply
from onefunnel import telemetry
from onefunnel.errors import DomainError
from onefunnel.events.envelope import Metadata
from onefunnel.http.writes import TenantDatabase
from onefunnel.ids import new_id
from onefunnel.wakeups import Listener, Pace

SOURCE: Final = "/services/gateway"
SYSTEM: Final = "system:gateway"
LOOPS: Final = 4  # so many CRMs are asked at once; each by one

_log = telemetry.log("crm")


class Claims(Protocol):
    """Finds work in any tenant."""

    async def claim(self) -> Lane | None:
        """Take a lane in which there is something to do, None if there is none that is free."""
        ...


Settle = Callable[[Reply | Trouble, Bench], Awaitable[Trouble | None]]


class CrmWorker:
    """Reads in CRMs what their webhooks only hinted at."""

    def __init__(self, claims: Claims, database: TenantDatabase, means: Means) -> None:
        self._claims = claims
        self._database = database
        self._means = means

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
        question, settle = found
        answer = await asked(question, self._means)
        async with self._database.tenant(lane.tenant_id) as conn:
            bench = self._means.bench(conn, lane, self._metadata(lane.tenant_id))
            await bench.lane.hold()
            trouble = await settle(answer, bench)
            rest_s, failures = rest_after(question.api, lane, trouble)
            code = trouble.code if trouble else None
            await bench.lane.let_go(rest_s=rest_s, failures=failures, trouble=code)

    async def _next(self, bench: Bench, lane: Lane) -> tuple[Question, Settle] | None:
        connection = await bench.connections.get(lane.connection_id)
        if connection is None or connection.access is None:
            return None
        waiting = await bench.lane.waiting(APIS[connection.provider].max_ids)
        if not waiting:
            return None
        question = to_read(connection, waiting)
        return question, self._settling(question, waiting)

    def _settling(self, question: Question, waiting: Sequence[Waiting]) -> Settle:
        async def settle(answer: Reply | Trouble, bench: Bench) -> Trouble | None:
            return await settle_read(question, waiting, answer, bench=bench, means=self._means)

        return settle

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
