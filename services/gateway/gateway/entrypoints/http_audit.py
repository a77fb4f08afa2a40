"""Who did what: the audits of all services and of the gateway, as one list."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from gateway.entrypoints.audits import Audited, Audits
from gateway.entrypoints.schemas_audit import AuditView
from onefunnel.http.pagination import PageRequest, list_of
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes

ReadOf = Callable[..., Awaitable[Read]]


def audit_routes(read_of: ReadOf, audits: Audits) -> APIRouter:
    """Return the route."""
    router = routes("trust")

    @router.get("/v1/audit", responses=list_of(AuditView), openapi_extra=declared("audit", "read"))
    async def list_audit(
        page: PageRequest,
        read: Annotated[Read, Depends(read_of)],
        service: Annotated[Audited | None, Query(description="Of one service alone.")] = None,
    ) -> Response:
        """List who changed what, newest first: everything for an auditor and the owner, else one's own deeds.

        A row commits with its change. `digest` is of the request; the event tells the change itself.
        """
        before = UUID(str(page.after[0])) if page.after else None
        found = await audits.page(read, service, before, page.limit + 1)
        return read.answer(page.answer(found, key=lambda row: [str(row.id)]))

    return router
