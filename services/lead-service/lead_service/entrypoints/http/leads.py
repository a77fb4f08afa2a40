"""Routes of leads."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response

from lead_service.application.commands import deals as deal_commands
from lead_service.application.commands import leads as commands
from lead_service.application.commands import touches
from lead_service.application.ports import Saved
from lead_service.application.views import DealView, LeadView
from lead_service.entrypoints.schemas.deal_answers import DealOut, HistoryOut
from lead_service.entrypoints.schemas.lead_answers import LeadOut, TouchOut
from lead_service.entrypoints.schemas.leads import (
    AcceptIn,
    AssignIn,
    ConvertIn,
    DisqualifyIn,
    LeadIn,
    LeadPatch,
    MergeIn,
    RecycleIn,
    RejectIn,
    TouchIn,
)
from lead_service.entrypoints.wiring import (
    Asked,
    Asking,
    beside,
    listed,
    made,
    made_or_taken,
    shown,
    there_already,
)
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.preconditions import IfMatch
from onefunnel.http.problems import Problem
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer
from onefunnel.ids import derived_id

router = routes("leads")
PATH = "/v1/leads"


@router.post(
    PATH,
    status_code=201,
    response_model=LeadOut,
    responses=there_already(LeadOut),
    openapi_extra=declared("lead", "create", owned=True),
)
async def create_lead(body: LeadIn, asked: Asking) -> Response:
    """Log a lead. The same external id and body again answers 200 with the lead that is there."""
    command = body.command(asked.tenant_id)
    await asked.check_given(command.owner_id)
    sees = (await asked.owning()).sees
    return await asked.do(
        commands.capture_lead, command, made_or_taken(LeadOut, PATH, "lead", sees)
    )


@router.get(PATH, responses=listed(LeadOut), openapi_extra=declared("lead", "read", owned=True))
async def list_leads(
    asked: Asking,
    page: PageRequest,
    state: Annotated[str | None, Query(max_length=40)] = None,
    owner: Id | None = None,
    source: Annotated[str | None, Query(max_length=64)] = None,
    campaign: Id | None = None,
    external_source: Annotated[str | None, Query(alias="external.source", max_length=200)] = None,
    external_id: Annotated[str | None, Query(alias="external.id", max_length=200)] = None,
) -> Response:
    """List leads, newest first."""
    filters = {
        "state": state,
        "owner_id": owner,
        "source": source,
        "campaign_id": campaign,
        "id": named(asked, "lead", external_source, external_id),
    }
    return await asked.page(asked.queries.leads, page, LeadOut, filters, owned=True)


def named(asked: Asked, kind: str, source: str | None, id_: str | None) -> UUID | None:
    """Return the id of an outside name in a query; half a name is an error."""
    if (source is None) != (id_ is None):
        raise Problem("validation-failed", "Give external.source and external.id together.")
    return derived_id(asked.tenant_id, source, kind, id_) if source and id_ else None


@router.get(
    PATH + "/{lead_id}", response_model=LeadOut, openapi_extra=declared("lead", "read", owned=True)
)
async def get_lead(lead_id: Id, asked: Asking) -> Response:
    """Read a lead. One that was merged leads to the one that survived."""
    lead = await asked.queries.leads.get(asked.tenant_id, lead_id)
    if lead.merged_into is not None:
        return Response(status_code=308, headers={"Location": f"{PATH}/{lead.merged_into}"})
    return asked.read.answer(asked.shown(LeadOut.model_validate(lead)), etag=lead.version)


@router.patch(
    PATH + "/{lead_id}",
    response_model=LeadOut,
    openapi_extra=declared("lead", "update", owned=True),
)
async def update_lead(lead_id: Id, body: LeadPatch, seen: IfMatch, asked: Asking) -> Response:
    """Correct a lead; who is not shown its names, addresses and attributes changes none of them."""
    command = commands.UpdateLead(lead_id, body.changes(asked.tenant_id), seen)
    asked.check_seen(LeadOut, command.changes)
    return await asked.do(commands.update_lead, command, shown(LeadOut))


@router.get(
    PATH + "/{lead_id}/timeline",
    responses=listed(HistoryOut),
    openapi_extra=declared("lead", "read", owned=True),
)
async def lead_timeline(lead_id: Id, asked: Asking, page: PageRequest) -> Response:
    """Read what happened to a lead, newest first, each with the event that says so."""
    await asked.queries.leads.get(asked.tenant_id, lead_id)
    return await timeline(lead_id, asked, page)


async def timeline(id_: UUID, asked: Asked, page: PageRequest) -> Response:
    """Answer with one page of a timeline."""
    rows = await asked.queries.timelines.page(
        asked.tenant_id, id_, after=page.after, limit=page.limit + 1
    )

    def item(row: Any) -> object:
        return asked.shown(HistoryOut.model_validate(row))

    return asked.read.answer(page.answer(rows, key=lambda row: (row.sequence,), item=item))


@router.post(
    PATH + "/{lead_id}/assign",
    response_model=LeadOut,
    openapi_extra=declared("lead", "assign", owned=True),
)
async def assign_lead(lead_id: Id, body: AssignIn, asked: Asking) -> Response:
    """Hand a lead to a person."""
    command = body.command(asked.tenant_id, lead_id)
    return await asked.do(commands.assign_lead, command, shown(LeadOut))


@router.post(
    PATH + "/{lead_id}/accept",
    response_model=LeadOut,
    openapi_extra=declared("lead", "accept", owned=True),
)
async def accept_lead(lead_id: Id, body: AcceptIn, asked: Asking) -> Response:
    """Take a lead over, before first contact."""
    command = body.command(asked.tenant_id, lead_id, asked.principal.person_id)
    await asked.check_named(command.person_id)
    return await asked.do(commands.accept_lead, command, shown(LeadOut))


@router.post(
    PATH + "/{lead_id}/reject",
    response_model=LeadOut,
    openapi_extra=declared("lead", "accept", owned=True),
)
async def reject_lead(lead_id: Id, body: RejectIn, asked: Asking) -> Response:
    """Refuse a lead, before first contact."""
    command = body.command(asked.tenant_id, lead_id, asked.principal.person_id)
    await asked.check_named(command.person_id)
    return await asked.do(commands.reject_lead, command, shown(LeadOut))


@router.post(
    PATH + "/{lead_id}/recycle",
    response_model=LeadOut,
    openapi_extra=declared("lead", "recycle", owned=True),
)
async def recycle_lead(lead_id: Id, body: RecycleIn, asked: Asking) -> Response:
    """Give a lead back to marketing."""
    return await asked.do(commands.recycle_lead, body.command(lead_id), shown(LeadOut))


@router.post(
    PATH + "/{lead_id}/disqualify",
    response_model=LeadOut,
    openapi_extra=declared("lead", "disqualify", owned=True),
)
async def disqualify_lead(lead_id: Id, body: DisqualifyIn, asked: Asking) -> Response:
    """Give a lead up for good."""
    return await asked.do(commands.disqualify_lead, body.command(lead_id), shown(LeadOut))


@router.post(
    PATH + "/{lead_id}/convert",
    status_code=201,
    response_model=DealOut,
    responses=there_already(DealOut),
    openapi_extra=declared("lead", "convert", owned=True),
)
async def convert_lead(lead_id: Id, body: ConvertIn, asked: Asking) -> Response:
    """Let a lead become a deal; both happen, or neither."""
    command = body.command(asked.tenant_id, lead_id)
    await asked.check_named(command.deal.owner_id)
    return await asked.do(deal_commands.convert_lead, command, _converted)


def _converted(saved: tuple[Saved[LeadView], Saved[DealView]]) -> Answer:
    return made(DealOut, "/v1/deals")(saved[1])


@router.post(
    PATH + "/{lead_id}/merge",
    response_model=LeadOut,
    openapi_extra=declared("lead", "merge", owned=True),
)
async def merge_lead(lead_id: Id, body: MergeIn, asked: Asking) -> Response:
    """Say that a lead is the same person as another one, which survives."""
    command = body.command(asked.tenant_id, lead_id)
    await asked.check_mentioned("lead", command.into_id, "/into")
    return await asked.do(touches.merge_lead, command, shown(LeadOut))


@router.post(
    PATH + "/{lead_id}/touches",
    status_code=201,
    response_model=TouchOut,
    openapi_extra=declared("lead", "touch", owned=True),
)
async def record_touch(lead_id: Id, body: TouchIn, asked: Asking) -> Response:
    """Note a contact with a lead."""
    command = body.command(asked.tenant_id, lead_id)
    return await asked.do(touches.record_touch, command, beside(TouchOut))
