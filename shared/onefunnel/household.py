"""What every service that writes has beside its own business: an outbox, kept answers, an audit; and their upkeep.

A service's `main` takes from it what it has, and wires the rest by hand.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, FastAPI
from sqlalchemy import text

from onefunnel.audit.sealer import keep_sealing
from onefunnel.http.app import Guard, service_app
from onefunnel.http.auditing import audit_routes
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.operating import operating_routes
from onefunnel.log.arrivals import Handler
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import COUNT_OPEN
from onefunnel.log.operating import OperatedReactions
from onefunnel.outbox.intake import Intake
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.standing import Standing, outbox_standing
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime
from onefunnel.service import Background
from onefunnel.watch import Consumer, Watcher


@dataclass(frozen=True, slots=True)
class Household:
    """That of one service: what it is called, what its database is called, and its name in events."""

    runtime: Runtime
    name: str
    database: str
    source: str

    async def outbox(self, tenant_id: UUID | None = None) -> Standing:
        """Return how the outbox stands: a tenant's events, or everybody's."""
        return await outbox_standing(self._worker, self.runtime.clock.now(), tenant_id)

    def keeping(self) -> tuple[Background, ...]:
        """Return what publishes its events, forgets its kept answers and seals its audit."""
        return self._relay, self._forget, self._seal

    def watcher(self, group: str, count_dead: str = COUNT_OPEN) -> Watcher:
        """Return what measures the outbox and the consumer of a group."""
        consumer = Consumer(group, count_dead, self.runtime.log)
        return Watcher(self.name, self._worker, self.runtime.clock, consumer)

    @property
    def _worker(self) -> Database:
        return self.runtime.worker_database(self.database)

    async def _relay(self, stop: asyncio.Event) -> None:
        runtime = self.runtime
        listener = runtime.wakeups.listen()
        await Relay(self._worker, runtime.log, self.source, listener).run(stop)

    async def _forget(self, stop: asyncio.Event) -> None:
        await forget_answers(self._worker, self.runtime.clock, stop)

    async def _seal(self, stop: asyncio.Event) -> None:
        await keep_sealing(self._worker, self.runtime.internal_key, stop)


@dataclass(frozen=True, slots=True)
class Reacting:
    """A household that listens to other services: its group, and which handler belongs to which event."""

    house: Household
    group: str
    handlers: Mapping[str, Handler]

    def app(self, routers: Sequence[APIRouter], guard: Guard | None = None) -> FastAPI:
        """Return the service's application: its own routes, and those of its operators and auditors."""
        house, runtime = self.house, self.house.runtime
        database = runtime.database(house.database)

        async def ready() -> None:
            async with database.transaction() as conn:
                await conn.execute(text("SELECT 1"))

        return service_app(
            name=house.name,
            routers=(*routers, operating_routes(self.operated), audit_routes(database)),
            internal_key=runtime.internal_key,
            ready=ready,
            clock=runtime.clock,
            intake=Intake(house.name, house.outbox),
            guard=guard,
        )

    @property
    def operated(self) -> OperatedReactions:
        """The reactions in the hands of an operator."""
        house, runtime = self.house, self.house.runtime
        return OperatedReactions(
            lambda: runtime.worker_database(house.database),
            self.group,
            self.handlers,
            runtime.wake,
        )

    def background(self) -> tuple[Background, ...]:
        """Return what runs in a worker: the household's keeping, and the reactions."""
        house, runtime = self.house, self.house.runtime
        database = runtime.worker_database(house.database)
        reactions = Reactions(database, runtime.log, self.group, self.handlers, wake=runtime.wake)
        return *house.keeping(), reactions.run
