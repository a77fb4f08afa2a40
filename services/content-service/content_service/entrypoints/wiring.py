"""What every route is given: the caller, the transaction, the reads."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from content_service.application.ports import Author, Tx, TxFactory
from content_service.application.queries import Views, ViewsFactory
from onefunnel.clock import Clock
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import PersonId
from onefunnel.http.principal import CurrentPrincipal, Principal
from onefunnel.http.reads import Read
from onefunnel.http.writes import Answer, TenantDatabase, Write

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What `main` puts into the application for its routes."""

    database: TenantDatabase
    wake: Callable[[], None]
    clock: Clock
    source: str
    tx_of: TxFactory
    views_of: ViewsFactory
    outbox: Callable[[UUID], Awaitable[Mapping[str, object]]]  # what waits in it of a tenant
    reactions: Callable[[UUID], Awaitable[Mapping[str, object]]]  # how they stand for a tenant

    @property
    def today(self) -> date:
        """The UTC day: assets expire and answers are overdue by it."""
        return self.clock.now().date()

    def metadata(self, tenant_id: UUID, actor_id: str, request_id: str) -> Metadata:
        """Return the metadata of what is published without a write by a principal."""
        return Metadata(tenant_id, self.source, actor_id, request_id, self.clock.now())


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: who asks, and the means to answer."""

    request: Request
    principal: Principal
    wiring: Wiring
    write: Write
    read: Read

    @property
    def author(self) -> Author:
        """The caller as the rules know it."""
        person_id = self.principal.person_id
        return Author(
            self.principal.principal_id,
            self.principal.role,
            None if person_id is None else PersonId(person_id),
        )

    async def do(self, work: Callable[[Tx], Awaitable[Answer]]) -> Response:
        """Run a command in one transaction."""

        async def worked(conn: Any, metadata: Metadata) -> Answer:
            return await work(self.wiring.tx_of(conn, metadata))

        return await self.write(worked)

    async def ask(self, query: Callable[[Views], Awaitable[T]]) -> T:
        """Return what a query finds in the caller's tenant."""

        async def queried(conn: Any) -> T:
            return await query(self.wiring.views_of(conn, self.principal.tenant_id))

        return await self.read(queried)

    async def show(self, query: Callable[[Views], Awaitable[object]]) -> Response:
        """Answer with what a query returns."""
        return self.read.answer(await self.ask(query))

    async def look(self, query: Callable[[Tx, Views], Awaitable[object]]) -> Response:
        """Answer with what a query returns that leaves a trace, as a search does."""
        request_id = str(self.request.scope["onefunnel.request_id"])
        metadata = self.wiring.metadata(
            self.principal.tenant_id, self.principal.principal_id, request_id
        )

        async def queried(conn: Any) -> object:
            views = self.wiring.views_of(conn, metadata.tenant_id)
            return await query(self.wiring.tx_of(conn, metadata), views)

        body = await self.read(queried)
        self.wiring.wake()
        return self.read.answer(body)


def wiring_of(request: Request) -> Wiring:
    """Return what `main` put into the application."""
    return cast(Wiring, request.app.state.wiring)


async def asked(request: Request, principal: CurrentPrincipal) -> Asked:
    """Gather what a route needs."""
    wiring = wiring_of(request)
    write = Write(request, principal, wiring.database, wiring.wake, wiring.clock)
    return Asked(request, principal, wiring, write, Read(request, principal, wiring.database))


Asking = Annotated[Asked, Depends(asked)]
