"""What the other services ask: never exposed by the gateway."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.status import StatusAnswer, projections
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.routing import routes

OutboxOf = Callable[[UUID], Awaitable[Mapping[str, object]]]  # what waits in it of a tenant


def internal_routes(ask_of: AskOf, outbox_of: OutboxOf) -> APIRouter:
    """Return the routes for the other services."""
    router = routes("internal", prefix="/internal")

    @router.get("/status")
    async def get_status(
        principal: CurrentPrincipal, ask: Annotated[Ask, Depends(ask_of)]
    ) -> Response:
        """Say how far the tenant's projections are and what of it waits."""
        outbox = await outbox_of(principal.tenant_id)

        async def query(reads: Reads) -> StatusAnswer:
            fresh = (await reads.situations.situation()).freshness
            topics, waiting = await reads.status.topics(), await reads.status.waiting()
            generation = await reads.status.generation()
            return StatusAnswer(
                as_of=fresh.as_of,
                lag_events=fresh.lag_events,
                stale=fresh.stale,
                generation=generation.live,
                previous_generation=generation.previous,
                parked=waiting.parked,
                dead_letters=waiting.dead,
                rederiving=waiting.rederiving,
                halted=await reads.status.halted(),
                outbox=outbox,
                projections=projections(topics, stale=fresh.stale),
            )

        return await ask(query)

    return router
