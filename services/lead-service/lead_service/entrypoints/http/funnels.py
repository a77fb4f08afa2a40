"""Routes of the tenant's settings and its funnels."""

from typing import Annotated

from fastapi import Path
from fastapi.responses import Response

from lead_service.application.commands import funnels as commands
from lead_service.entrypoints.schemas.directory import FunnelIn, TenantPatch
from lead_service.entrypoints.schemas.directory_answers import FunnelOut, TenantOut
from lead_service.entrypoints.wiring import Asking, listed, made, shown, there_already
from onefunnel.http.pagination import PageRequest
from onefunnel.http.preconditions import IfMatch
from onefunnel.http.routing import declared, routes

router = routes("funnels")
TENANT, FUNNELS = "/v1/tenant", "/v1/funnels"
Code = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=1_000_000)]


@router.get(TENANT, response_model=TenantOut, openapi_extra=declared("tenant", "read"))
async def get_tenant(asked: Asking) -> Response:
    """Read the calendar and the currency of your tenant."""
    return await asked.one(asked.queries.tenants, asked.tenant_id, TenantOut)


@router.patch(TENANT, response_model=TenantOut, openapi_extra=declared("tenant", "update"))
async def update_tenant(body: TenantPatch, seen: IfMatch, asked: Asking) -> Response:
    """Change the calendar or the currency of your tenant."""
    command = commands.ChangeTenant(body.changes(asked.tenant_id), seen)
    return await asked.do(commands.change_tenant, command, shown(TenantOut))


@router.post(
    FUNNELS,
    status_code=201,
    response_model=FunnelOut,
    responses=there_already(FunnelOut),
    openapi_extra=declared("funnel", "create"),
)
async def create_funnel_version(body: FunnelIn, asked: Asking) -> Response:
    """Propose the next version of a funnel; it changes nothing until it is activated."""
    return await asked.do(commands.propose_funnel, body.command(), made(FunnelOut, FUNNELS))


@router.get(FUNNELS, responses=listed(FunnelOut), openapi_extra=declared("funnel", "read"))
async def list_funnels(asked: Asking, page: PageRequest) -> Response:
    """List funnels with all their versions: steps, their owners, what enters them."""
    return await asked.page(asked.queries.funnels, page, FunnelOut)


@router.get(
    FUNNELS + "/{funnel}", response_model=FunnelOut, openapi_extra=declared("funnel", "read")
)
async def get_funnel_definition(funnel: Code, asked: Asking) -> Response:
    """Read a funnel by its code."""
    id_ = commands.funnel_id(asked.tenant_id, funnel)
    return await asked.one(asked.queries.funnels, id_, FunnelOut)


@router.post(
    FUNNELS + "/{funnel}/versions/{version}/activate",
    response_model=FunnelOut,
    openapi_extra=declared("funnel", "activate"),
)
async def activate_funnel(funnel: Code, version: Number, asked: Asking) -> Response:
    """Put a version in force; each step has exactly one owner and an entry rule, or it is refused."""
    command = commands.ActivateFunnel(funnel, version)
    return await asked.do(commands.activate_funnel, command, shown(FunnelOut))
