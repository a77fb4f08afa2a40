"""Views over HTTP, as servers report them with a key; whose views are none is said here too."""

from typing import Any

from starlette.responses import Response

from content_service.application import viewing
from content_service.application.ports import Tx
from content_service.application.queries import Views
from content_service.entrypoints.schemas_viewing import (
    OwnDomainsAnswer,
    OwnDomainsBody,
    ServerViewBody,
    ViewAnswer,
)
from content_service.entrypoints.wiring import Asking
from onefunnel.http.bodies import Id
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("content", prefix="/v1/content")

_SEEN: dict[int | str, dict[str, Any]] = {
    200: {"model": ViewAnswer, "description": "The view was known already."}
}


@router.post(
    "/{asset_id}/views",
    status_code=201,
    response_model=ViewAnswer,
    responses=_SEEN,
    openapi_extra=declared("content", "view"),
)
async def report_view(asset_id: Id, body: ServerViewBody, asked: Asking) -> Response:
    """Report a view, again and again while it lasts: the longest duration of each page counts."""

    async def work(tx: Tx) -> Answer:
        reported = await viewing.report_view(body.command(asset_id), tx=tx)
        status = 201 if reported.new else 200
        return Answer(ViewAnswer.of(reported), status=status, event_id=reported.event_id)

    return await asked.do(work)


@router.get(
    "/own-domains", response_model=OwnDomainsAnswer, openapi_extra=declared("content", "read")
)
async def get_own_domains(asked: Asking) -> Response:
    """Return the domains of your own people: whoever types an address of one is no buyer."""

    async def query(views: Views) -> OwnDomainsAnswer:
        return OwnDomainsAnswer(domains=await views.own_domains())

    return await asked.show(query)


@router.put(
    "/own-domains", response_model=OwnDomainsAnswer, openapi_extra=declared("content", "exclude")
)
async def set_own_domains(body: OwnDomainsBody, asked: Asking) -> Response:
    """Say which domains are your own people's, in the place of those that were. It holds from now on."""

    async def work(tx: Tx) -> Answer:
        await tx.viewings.set_own_domains(frozenset(body.domains))
        return Answer(OwnDomainsAnswer(domains=sorted(set(body.domains))))

    return await asked.do(work)
