"""What every route is given: the caller, the transaction, the reads."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from onefunnel.clock import Clock
from onefunnel.events.envelope import Metadata
from onefunnel.http.principal import CurrentPrincipal, Principal
from onefunnel.http.reads import Read
from onefunnel.http.writes import Answer, TenantDatabase, Write
from scoring_service.application.ports import Tx, TxFactory
from scoring_service.application.queries import Views, ViewsFactory
from scoring_service.domain.parties import Party, person_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What `main` puts into the application for its routes."""

    database: TenantDatabase
    wake: Callable[[], None]
    clock: Clock
    tx_of: TxFactory
    views_of: ViewsFactory
    outbox: Callable[[UUID], Awaitable[Mapping[str, object]]]  # what waits in it of a tenant
    reactions: Callable[[UUID], Awaitable[Mapping[str, object]]]  # how they stand for a tenant


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: who asks, and the means to answer."""

    principal: Principal
    wiring: Wiring
    write: Write
    read: Read

    @property
    def party(self) -> Party:
        """The caller as the rules know it."""
        principal = self.principal
        return Party(principal.principal_id, principal.role, person_of(principal.person_id))

    def at(self, wanted: datetime | None) -> datetime:
        """Return the instant that was asked about; now where none was."""
        return wanted or self.wiring.clock.now()

    async def do(self, work: Callable[[Tx, Views], Awaitable[Answer]]) -> Response:
        """Run a command in one transaction; what it shows is read in the same one."""

        async def worked(conn: Any, metadata: Metadata) -> Answer:
            views = self.wiring.views_of(conn, metadata.tenant_id)
            return await work(self.wiring.tx_of(conn, metadata), views)

        return await self.write(worked)

    async def show(self, query: Callable[[Views], Awaitable[object]]) -> Response:
        """Answer with what a query returns."""

        async def queried(conn: Any) -> object:
            return await query(self.wiring.views_of(conn, self.principal.tenant_id))

        return self.read.answer(await self.read(queried))


async def asked(request: Request, principal: CurrentPrincipal) -> Asked:
    """Gather what a route needs."""
    wiring = cast(Wiring, request.app.state.wiring)
    write = Write(request, principal, wiring.database, wiring.wake, wiring.clock)
    return Asked(principal, wiring, write, Read(request, principal, wiring.database))


Asking = Annotated[Asked, Depends(asked)]
