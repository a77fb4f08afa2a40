"""Who am I, how is everything, and tell me when something moves."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from gateway.domain.rights import MATRIX
from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.schemas import Me, Status, TenantView
from gateway.entrypoints.status import StatusOfAll
from gateway.entrypoints.streams import Hints
from onefunnel.http.listening import at_stop
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes

ReadOf = Callable[..., Awaitable[Read]]
NameOf = Callable[[Any], Awaitable[str]]  # of the tenant that a connection sees

_HINT = 'id: 7\nevent: projection\ndata: {"projection":"all","as_of":"2026-11-22T09:00:00Z","lag_events":0}\n\n'
_HINTS = {"schema": {"type": "string"}, "example": _HINT}


def identity_routes(
    read_of: ReadOf, name_of: NameOf, status: StatusOfAll, hints: Hints, doorkeeper: Doorkeeper
) -> APIRouter:
    """Return the routes about the caller and the whole."""
    router = routes("identity")

    @router.get("/v1/me", openapi_extra=declared("identity", "read"))
    async def get_me(read: Annotated[Read, Depends(read_of)]) -> Me:
        """Say who the caller is, in which tenant, and what they may do."""
        principal = read.principal
        name = await read(name_of)
        return Me(
            tenant=TenantView(id=principal.tenant_id, name=name),
            principal_id=principal.principal_id,
            role=principal.role,
            person_id=principal.person_id,
            may=MATRIX.permissions(principal.role),
        )

    @router.get("/v1/status", openapi_extra=declared("status", "read"))
    async def get_status(principal: CurrentPrincipal) -> Status:
        """Say how every service is: readiness, what waits of the tenant, generations, halted partitions."""
        return await status(principal.tenant_id, doorkeeper.signed(principal))

    @router.get(
        "/v1/events",
        response_class=StreamingResponse,
        openapi_extra=declared("event", "read"),
        responses={200: {"content": {"text/event-stream": _HINTS}}},
    )
    async def stream_events(request: Request, principal: CurrentPrincipal) -> StreamingResponse:
        """Stream hints: `projection` (which one moved, `as_of`, `lag_events`) and, after a reconnect, `reset`.

        A hint holds no data; read what you show again. A comment comes every 15 seconds. Before the server
        stops, `bye` says in how many milliseconds to come again. `Last-Event-ID`, whatever it is, is a reconnect.
        """
        at_stop(request.scope, hints.part)
        resumed = "last-event-id" in request.headers
        opened = hints.opened(principal.tenant_id, resumed=resumed)
        return StreamingResponse(
            opened,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    return router
