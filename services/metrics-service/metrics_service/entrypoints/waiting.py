"""Waiting for one's own write: at most two seconds, then the caller is told how far behind we are."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.wait import Fate
from onefunnel.http.problems import Problem

WAIT_S: Final = 2.0
_PAUSE_S: Final = 0.01

ReadsOf = Callable[[Any], Reads]  # of a connection
FateOf = Callable[[Any, UUID], Awaitable[Fate]]
Snapshot = Callable[[UUID], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Views:
    """Where reads come from: a snapshot of one tenant, the views over it, the fate of an event."""

    snapshot: Snapshot
    reads_of: ReadsOf
    fate_of: FateOf


async def caught_up(views: Views, tenant_id: UUID, event_id: UUID) -> None:
    """Return when the event is folded, or raise `projection-behind`: at once if it never will be."""
    fate = await _fate(views, tenant_id, event_id)
    try:
        async with asyncio.timeout(WAIT_S):
            while fate.state == "unseen":
                await asyncio.sleep(_PAUSE_S)
                fate = await _fate(views, tenant_id, event_id)
    except TimeoutError:
        pass  # what is known by now decides
    if fate.state != "folded":
        raise _behind(fate)


async def _fate(views: Views, tenant_id: UUID, event_id: UUID) -> Fate:
    async with views.snapshot(tenant_id) as conn:
        return await views.fate_of(conn, event_id)


def _behind(fate: Fate) -> Problem:
    if fate.state == "unseen":
        detail = "The event is not counted yet."
    else:
        detail = f"The event will not be counted as it is: it is {fate.state} ({fate.reason})."
    more = {"state": fate.state, "reason": fate.reason, "lag_events": fate.lag_events}
    return Problem("projection-behind", detail, more=more)
