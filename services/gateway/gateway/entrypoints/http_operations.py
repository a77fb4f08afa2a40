"""What an operator does: look at dead letters of every service, settle them, resume halted partitions."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.operations import Consumer, Letters, Operations
from gateway.entrypoints.schemas import (
    DeadLetterList,
    DeadLetterView,
    DeadStatus,
    ResumedView,
    SettledView,
)
from onefunnel.http.pagination import PageRequest
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.routing import declared, routes

DeadId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Topic = Annotated[
    str,
    Path(pattern=r"^onefunnel\.[a-z]+\.v[0-9]+$", max_length=100, examples=["onefunnel.lead.v1"]),
]
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
Service = Annotated[Consumer, Path(description="The service that could not take the event in.")]


def operation_routes(operations: Operations, doorkeeper: Doorkeeper) -> APIRouter:
    """Return the routes for whoever operates the consumers."""
    router = routes("operations")
    reads = declared("operations", "read")
    redrives = declared("operations", "redrive", unkeyed=True)  # what is settled stays settled
    changes = declared("operations", "change", unkeyed=True)

    @router.get("/v1/dead-letters", response_model=DeadLetterList, openapi_extra=dict(reads))
    async def list_dead_letters(
        page: PageRequest,
        principal: CurrentPrincipal,
        service: Annotated[Consumer | None, Query(description="Of one service alone.")] = None,
        status: Annotated[DeadStatus | None, Query()] = None,
    ) -> dict[str, Any]:
        """List events that a service could not take in: metadata, never their content.

        Service by service, each oldest first. An event whose tenant could not be read is nobody's.
        """
        after = cast("tuple[Consumer, int] | None", page.after)
        wanted = Letters(service, status, after, page.limit + 1)
        found = await operations.letters(wanted, doorkeeper.signed(principal))
        return page.answer(found, key=lambda letter: (letter.service, letter.id))

    one = "/v1/dead-letters/{service}/{dead_id}"

    @router.get(one, response_model=DeadLetterView, openapi_extra=dict(reads))
    async def get_dead_letter(
        service: Service, dead_id: DeadId, principal: CurrentPrincipal
    ) -> Response:
        """Show one dead letter: what, why, and who settled it when."""
        return await operations.one(service, dead_id, doorkeeper.signed(principal))

    @router.post(f"{one}/redrive", response_model=SettledView, openapi_extra=dict(redrives))
    async def redrive_dead_letter(
        service: Service, dead_id: DeadId, principal: CurrentPrincipal
    ) -> Response:
        """Take it in as if it came now, and what waited for it. One that is settled is a conflict."""
        caller = doorkeeper.signed(principal)
        return await operations.settle(service, dead_id, "redrive", caller)

    @router.post(f"{one}/discard", response_model=SettledView, openapi_extra=dict(changes))
    async def discard_dead_letter(
        service: Service, dead_id: DeadId, principal: CurrentPrincipal
    ) -> Response:
        """Leave it out for good: its aggregate goes on without it. One that is settled is a conflict."""
        caller = doorkeeper.signed(principal)
        return await operations.settle(service, dead_id, "discard", caller)

    @router.post(
        "/v1/partitions/{service}/{topic}/{partition}/resume",
        response_model=ResumedView,
        openapi_extra=dict(changes),
    )
    async def resume_partition(
        service: Annotated[Consumer, Path(description="The service that reads it.")],
        topic: Topic,
        partition: Number,
        principal: CurrentPrincipal,
    ) -> Response:
        """Let a halted partition go on where it stopped; `GET /v1/status` lists those that are halted.

        One that is not halted is a conflict. What it was halted for may halt it again.
        """
        return await operations.resume(service, topic, partition, doorkeeper.signed(principal))

    return router
