"""A read of the projections: wait for the caller's own write, see one instant, answer as JSON."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header
from pydantic import TypeAdapter
from starlette.responses import Response

from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.wait import Fate
from onefunnel.http.bodies import Id
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.problems import Problem

WAIT_S: Final = 2.0
_PAUSE_S: Final = 0.01

ReadsOf = Callable[[Any], Reads]  # of a connection
FateOf = Callable[[Any, UUID], Awaitable[Fate]]
Snapshot = Callable[[UUID], AbstractAsyncContextManager[Any]]

WaitFor = Annotated[
    Id | None,
    Header(alias="Wait-For", description="Answer only with this event counted; waits up to 2 s."),
]


@dataclass(frozen=True, slots=True)
class Views:
    """Where reads come from: a snapshot of one tenant, the views over it, the fate of an event."""

    snapshot: Snapshot
    reads_of: ReadsOf
    fate_of: FateOf


class Ask:
    """Runs one query in the caller's tenant; made per request."""

    def __init__(self, views: Views, tenant_id: UUID, wait_for: UUID | None) -> None:
        self._views = views
        self._tenant_id = tenant_id
        self._wait_for = wait_for

    async def __call__(self, query: Callable[[Reads], Awaitable[object]]) -> Response:
        """Answer with what `query` finds at one instant after the event waited for."""
        if self._wait_for is not None:
            await self._caught_up(self._wait_for)
        async with self._views.snapshot(self._tenant_id) as conn:
            answer = await query(self._views.reads_of(conn))
        kind: Any = type(answer)
        return Response(
            _adapter(kind).dump_json(answer, by_alias=True),
            media_type="application/json",
            headers={"Cache-Control": "private, no-store"},
        )

    async def _caught_up(self, event_id: UUID) -> None:
        fate = await self._fate(event_id)
        try:
            async with asyncio.timeout(WAIT_S):
                while fate.state == "unseen":
                    await asyncio.sleep(_PAUSE_S)
                    fate = await self._fate(event_id)
        except TimeoutError:
            pass  # what is known by now decides
        if fate.state != "folded":
            raise _behind(fate)

    async def _fate(self, event_id: UUID) -> Fate:
        async with self._views.snapshot(self._tenant_id) as conn:
            return await self._views.fate_of(conn, event_id)


def ask_dependency(views: Views) -> Callable[..., Awaitable[Ask]]:
    """Return the dependency that makes an `Ask` for each request."""

    async def ask(principal: CurrentPrincipal, wait_for: WaitFor = None) -> Ask:
        return Ask(views, principal.tenant_id, wait_for)

    return ask


AskOf = Callable[..., Awaitable[Ask]]


def asking(ask_of: AskOf) -> Any:
    """Return the annotation's dependency."""
    return Depends(ask_of)


def _behind(fate: Fate) -> Problem:
    if fate.state == "unseen":
        detail = "The event is not counted yet."
    else:
        detail = f"The event will not be counted as it is: it is {fate.state} ({fate.reason})."
    more = {"state": fate.state, "reason": fate.reason, "lag_events": fate.lag_events}
    return Problem("projection-behind", detail, more=more)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
