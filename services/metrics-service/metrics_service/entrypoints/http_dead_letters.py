"""Dead letters over HTTP: look, try again, or leave out for good."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from metrics_service.application.queries.dead_letters import DeadLetter, DeadLetters, DeadStatus
from metrics_service.application.queries.reads import Reads
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.http.pagination import PageRequest
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import to_json

# What is done to a dead letter, by its id and the principal's.
Settle = Callable[[int, str], Awaitable[object]]
DeadId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Settled(BaseModel):
    """What came of it."""

    id: int
    outcome: Literal["redriven", "still-dead", "discarded"]


def dead_letter_routes(ask_of: AskOf, redrive: Settle, discard: Settle) -> APIRouter:
    """Return the routes for whoever operates the fold."""
    router = routes("operations", prefix="/v1/dead-letters")

    @router.get("", response_model=DeadLetters, openapi_extra=declared("operations", "read"))
    async def list_dead_letters(
        page: PageRequest,
        ask: Annotated[Ask, Depends(ask_of)],
        status: Annotated[DeadStatus | None, Query()] = None,
    ) -> Response:
        """List events that could not be folded, oldest first: metadata, never their content."""
        after = int(str(page.after[0])) if page.after else None

        async def query(reads: Reads) -> DeadLetters:
            rows = await reads.dead.dead(status, after=after, limit=page.limit + 1)
            return DeadLetters(**page.answer(rows, key=lambda row: (row.id,)))

        return await ask(query)

    @router.get(
        "/{dead_id}", response_model=DeadLetter, openapi_extra=declared("operations", "read")
    )
    async def get_dead_letter(dead_id: DeadId, ask: Annotated[Ask, Depends(ask_of)]) -> Response:
        """Show one dead letter."""
        return await ask(lambda reads: reads.dead.dead_one(dead_id))

    @router.post(
        "/{dead_id}/redrive",
        response_model=Settled,
        openapi_extra=declared("operations", "change"),
    )
    async def redrive_dead_letter(
        dead_id: DeadId, principal: CurrentPrincipal, ask: Annotated[Ask, Depends(ask_of)]
    ) -> Response:
        """Fold it as if it came now, and what waited for it; doing so twice changes nothing."""
        await ask(lambda reads: reads.dead.dead_one(dead_id))  # one of another tenant is not found
        outcome = await redrive(dead_id, principal.principal_id)
        return _answer(dead_id, outcome)

    @router.post(
        "/{dead_id}/discard",
        response_model=Settled,
        openapi_extra=declared("operations", "change"),
    )
    async def discard_dead_letter(
        dead_id: DeadId, principal: CurrentPrincipal, ask: Annotated[Ask, Depends(ask_of)]
    ) -> Response:
        """Leave it out for good: its aggregate goes on without it."""
        await ask(lambda reads: reads.dead.dead_one(dead_id))
        await discard(dead_id, principal.principal_id)
        return _answer(dead_id, "discarded")

    return router


def _answer(dead_id: int, outcome: object) -> Response:
    body = to_json({"id": dead_id, "outcome": outcome})
    return Response(body, media_type="application/json")
