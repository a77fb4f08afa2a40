"""Routes of activities."""

from fastapi.responses import Response

from lead_service.application.commands.activities import log_activity
from lead_service.entrypoints.schemas.deal_answers import ActivityOut
from lead_service.entrypoints.schemas.deals import ActivityIn
from lead_service.entrypoints.wiring import Asking, beside, listed
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.routing import declared, routes

router = routes("activities")
PATH = "/v1/activities"


@router.post(
    PATH,
    status_code=201,
    response_model=ActivityOut,
    openapi_extra=declared("activity", "create", owned=True),
)
async def create_activity(body: ActivityIn, asked: Asking) -> Response:
    """Note work on a deal."""
    command = body.command(asked.tenant_id)
    await asked.check_mentioned("deal", command.deal_id, "/deal")
    return await asked.do(log_activity, command, beside(ActivityOut))


@router.get(
    PATH, responses=listed(ActivityOut), openapi_extra=declared("activity", "read", owned=True)
)
async def list_activities(
    asked: Asking, page: PageRequest, deal: Id | None = None, person: Id | None = None
) -> Response:
    """List activities, newest first."""
    filters = {"deal_id": deal, "person_id": person}
    return await asked.page(asked.queries.activities, page, ActivityOut, filters, owned=True)
