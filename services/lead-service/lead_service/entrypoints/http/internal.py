"""Routes for the other services; the gateway never exposes them."""

from typing import Annotated
from uuid import UUID

from fastapi.responses import Response
from pydantic import Field, RootModel

from lead_service.application.commands.funnels import set_up_tenant
from lead_service.entrypoints.schemas.directory import TenantIn
from lead_service.entrypoints.schemas.directory_answers import TenantOut
from lead_service.entrypoints.wiring import Asking, shown
from onefunnel.http.bodies import Id
from onefunnel.http.routing import declared, routes

router = routes("internal")
MAX_NAMES = 5_000

Ids = Annotated[list[Id], Field(max_length=MAX_NAMES)]


class Wanted(RootModel[dict[str, Ids]]):
    """Ids by kind: person, account, product, campaign, lead, deal."""


@router.put("/internal/tenant", response_model=TenantOut)
async def put_tenant(body: TenantIn, asked: Asking) -> Response:
    """Set the caller's tenant up; asked again, only what differs changes."""
    return await asked.do(set_up_tenant, body.command(), shown(TenantOut))


@router.post("/internal/names")
async def find_names(body: Wanted, asked: Asking) -> Response:
    """Return `{"names": {id: text}}` for those ids that exist in the caller's tenant."""
    wanted: dict[str, list[UUID]] = {kind: list(ids) for kind, ids in body.root.items()}
    names = await asked.queries.names.of(asked.tenant_id, wanted)
    return asked.read.answer({"names": {str(id_): name for id_, name in names.items()}})


@router.get(
    "/internal/leads/{lead_id}/rights",
    status_code=204,
    openapi_extra=declared("lead", "read", owned=True),
)
async def check_rights(lead_id: Id, asked: Asking) -> Response:  # noqa: ARG001 - the guard looked at both
    """Say that a lead is there for the caller, and that the action they came for is allowed to it."""
    return Response(status_code=204)


@router.get("/internal/status")
async def get_status(asked: Asking) -> Response:
    """Return what waits in the outbox, how far behind the reactions are and what waits for an operator."""
    standing = await asked.wiring.reactions(asked.principal.tenant_id)
    return asked.read.answer({"outbox": await asked.wiring.outbox(), **standing})
