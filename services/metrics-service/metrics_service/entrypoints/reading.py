"""A read of the projections: wait for the caller's own write, see one instant, answer as JSON."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header
from pydantic import TypeAdapter
from starlette.responses import Response

from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.scope import Scope
from metrics_service.entrypoints.scoping import scope_of
from metrics_service.entrypoints.waiting import Views, caught_up
from onefunnel.http.bodies import Id
from onefunnel.http.principal import CurrentPrincipal, Principal

WaitFor = Annotated[
    Id | None,
    Header(alias="Wait-For", description="Answer only with this event counted; waits up to 2 s."),
]


class Ask:
    """Runs one query in the caller's tenant; made per request."""

    def __init__(self, views: Views, principal: Principal, wait_for: UUID | None) -> None:
        self._views = views
        self._principal = principal
        self._wait_for = wait_for

    async def scoped(self, query: Callable[[Reads, Scope], Awaitable[object]]) -> Response:
        """Answer with what `query` finds, of what is somebody's, within the caller's rights."""

        async def within(reads: Reads) -> object:
            return await query(reads, await scope_of(self._principal, reads))

        return await self(within)

    async def __call__(self, query: Callable[[Reads], Awaitable[object]]) -> Response:
        """Answer with what `query` finds at one instant after the event waited for."""
        tenant_id = self._principal.tenant_id
        if self._wait_for is not None:
            await caught_up(self._views, tenant_id, self._wait_for)
        async with self._views.snapshot(tenant_id) as conn:
            answer = await query(self._views.reads_of(conn))
        kind: Any = type(answer)
        return Response(
            _adapter(kind).dump_json(answer, by_alias=True),
            media_type="application/json",
            headers={"Cache-Control": "private, no-store"},
        )


def ask_dependency(views: Views) -> Callable[..., Awaitable[Ask]]:
    """Return the dependency that makes an `Ask` for each request."""

    async def ask(principal: CurrentPrincipal, wait_for: WaitFor = None) -> Ask:
        return Ask(views, principal, wait_for)

    return ask


AskOf = Callable[..., Awaitable[Ask]]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
