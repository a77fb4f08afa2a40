"""What a service with a consumer lets an operator do, for the gateway alone: look, settle, resume."""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol
from uuid import UUID

import structlog
from fastapi import APIRouter, Path, Query
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from onefunnel.audit.entry import Marked
from onefunnel.audit.witness import row_of
from onefunnel.http.pagination import MAX_LIMIT
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.routing import routes
from onefunnel.http.writes import to_json
from onefunnel.log.dead_letters import DeadLetter, DeadStatus
from onefunnel.log.halts import Halted
from onefunnel.log.port import Partition

Outcome = Literal["redriven", "still-dead"]
MAX_DEAD_ID = 2**63 - 1
MAX_PARTITION = 2**31 - 1
DeadId = Annotated[int, Path(ge=1, le=MAX_DEAD_ID)]

_letters = TypeAdapter(list[DeadLetter])
_letter = TypeAdapter(DeadLetter)
_halted = TypeAdapter(Halted)
_log = structlog.get_logger("onefunnel.operating")


class Operated(Protocol):
    """A consumer in the hands of an operator. A letter of another tenant is `not-found`."""

    async def dead_letters(
        self, tenant_id: UUID, status: DeadStatus | None, *, after: int, limit: int
    ) -> Sequence[DeadLetter]:
        """Return the tenant's dead letters behind id `after`, oldest first."""
        ...

    async def dead_letter(self, tenant_id: UUID, dead_id: int) -> DeadLetter:
        """Return one, or raise `not-found`."""
        ...

    async def redrive(self, tenant_id: UUID, dead_id: int, by: Marked) -> Outcome:
        """Take it in as if it came now, and what waited for it. Raises `already-decided` if settled.

        Each of these changes commits with `by`, its row of the audit.
        """
        ...

    async def discard(self, tenant_id: UUID, dead_id: int, by: Marked) -> None:
        """Leave it out for good: its aggregate goes on. Raises `already-decided` if settled."""
        ...

    async def resume(self, partition: Partition, by: Marked) -> Halted:
        """Let a halted partition go on; raise `conflict` if it is not halted. Return what it was."""
        ...


def operating_routes(operated: Operated) -> APIRouter:
    """Return the routes; who may is decided by the gateway, which never exposes them."""
    router = routes("internal", prefix="/internal")

    @router.get("/dead-letters")
    async def list_dead_letters(
        principal: CurrentPrincipal,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT + 1)] = MAX_LIMIT,
        after: Annotated[int, Query(ge=0, le=MAX_DEAD_ID)] = 0,
        status: Annotated[DeadStatus | None, Query()] = None,
    ) -> Response:
        """List dead letters: metadata, never their content."""
        tenant_id = principal.tenant_id
        found = await operated.dead_letters(tenant_id, status, after=after, limit=limit)
        return _json(_letters.dump_json(list(found)))

    @router.get("/dead-letters/{dead_id}")
    async def get_dead_letter(dead_id: DeadId, principal: CurrentPrincipal) -> Response:
        """Show one."""
        letter = await operated.dead_letter(principal.tenant_id, dead_id)
        return _json(_letter.dump_json(letter))

    @router.post("/dead-letters/{dead_id}/redrive")
    async def redrive_dead_letter(
        dead_id: DeadId, principal: CurrentPrincipal, request: Request
    ) -> Response:
        """Take it in as if it came now, and what waited for it."""
        by = row_of(request, principal)
        outcome = await operated.redrive(principal.tenant_id, dead_id, by)
        return _json(to_json({"outcome": outcome}))

    @router.post("/dead-letters/{dead_id}/discard")
    async def discard_dead_letter(
        dead_id: DeadId, principal: CurrentPrincipal, request: Request
    ) -> Response:
        """Leave it out for good."""
        await operated.discard(principal.tenant_id, dead_id, row_of(request, principal))
        return _json(to_json({"outcome": "discarded"}))

    @router.post("/partitions/{topic}/{partition}/resume")
    async def resume_partition(
        topic: str,
        partition: Annotated[int, Path(ge=0, le=MAX_PARTITION)],
        principal: CurrentPrincipal,
        request: Request,
    ) -> Response:
        """Let a halted partition go on."""
        by = row_of(request, principal)
        resumed = await operated.resume(Partition(topic, partition), by)
        _log.info("partition.resumed", actor=principal.principal_id, partition=resumed)
        return _json(_halted.dump_json(resumed))

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
