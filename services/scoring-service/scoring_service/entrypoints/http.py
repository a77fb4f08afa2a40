"""All routes of scoring-service."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from onefunnel.http.routing import routes
from scoring_service.entrypoints import (
    http_definitions,
    http_leads,
    http_reconciliations,
)
from scoring_service.entrypoints.wiring import Asking

internal = routes("internal", prefix="/internal")


@internal.get("/status")
async def get_status(asked: Asking) -> Response:
    """Return what of the tenant waits in the outbox, or for an operator, and which reactions are halted."""
    tenant_id = asked.principal.tenant_id
    standing = await asked.wiring.reactions(tenant_id)
    return asked.read.answer({"outbox": await asked.wiring.outbox(tenant_id), **standing})


ROUTERS: Final[tuple[APIRouter, ...]] = (
    http_definitions.router,
    http_leads.router,
    http_reconciliations.router,
    internal,
)
