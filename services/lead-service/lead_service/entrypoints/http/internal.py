"""Routes for the other services; the gateway never exposes them."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi.responses import Response
from pydantic import Field, RootModel

from lead_service.application.commands.funnels import set_up_tenant
from lead_service.entrypoints.schemas.directory import TenantIn
from lead_service.entrypoints.schemas.directory_answers import TenantOut
from lead_service.entrypoints.wiring import Asking, shown
from onefunnel.currencies import exponent_of
from onefunnel.http.bodies import Body, Id
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


class Compared(Body):
    """Records of a CRM, by their ids here."""

    deal: Ids = Field(default_factory=list)
    lead: Ids = Field(default_factory=list)


@router.post("/internal/crm/records")
async def find_crm_records(body: Compared, asked: Asking) -> Response:
    """Return how those of a CRM's records stand that are here; amounts in minor units of their currency."""
    deals = await asked.queries.crm.deals(asked.tenant_id, list(body.deal))
    leads = await asked.queries.crm.leads(asked.tenant_id, list(body.lead))
    return asked.read.answer(
        {
            "deal": {
                str(id_): {
                    **asdict(one),
                    "digits": exponent_of(one.currency),
                }
                for id_, one in deals.items()
            },
            "lead": {str(id_): {} for id_ in leads},
        }
    )


@router.get("/internal/crm/totals/{source}")
async def get_crm_totals(source: str, asked: Asking) -> Response:
    """Return how many records of a source are here, deals by state and currency."""
    totals = await asked.queries.crm.totals(asked.tenant_id, source)
    return asked.read.answer(
        {
            "totals": [
                {**asdict(one), "digits": exponent_of(one.currency) if one.currency else 0}
                for one in totals
            ]
        }
    )


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
    """Return what of the tenant waits in the outbox, or for an operator, and which reactions are halted."""
    standing = await asked.wiring.reactions(asked.tenant_id)
    return asked.read.answer({"outbox": await asked.wiring.outbox(asked.tenant_id), **standing})
