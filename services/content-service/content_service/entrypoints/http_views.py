"""Views over HTTP: reported by servers with a key, counted, and whose are none."""

from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from content_service.application import viewing
from content_service.application.ports import Tx
from content_service.application.queries import ReadingFilter, Views
from content_service.entrypoints.schemas_viewing import (
    OwnDomainsAnswer,
    OwnDomainsBody,
    ReadingAnswer,
    ReadingDimension,
    ReadingGroup,
    ServerViewBody,
    ViewAnswer,
)
from content_service.entrypoints.wiring import Asking
from onefunnel.errors import invalid
from onefunnel.http.bodies import Day, Id
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("content", prefix="/v1/content")

TRAILING_DAYS: Final = 90
MAX_DAYS: Final = 400
MAX_GROUPS: Final = MAX_DAYS  # every day there is, or the most viewed assets

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


@router.get("/views", response_model=ReadingAnswer, openapi_extra=declared("content", "read"))
async def get_views(
    asked: Asking,
    from_: Annotated[Day | None, Query(alias="from")] = None,
    to: Day | None = None,
    group_by: ReadingDimension = "asset",
    asset_id: Id | None = None,
) -> Response:
    """Return what buyers read: the most viewed assets, or each day that had a view; of 90 days unless told."""
    end = to or asked.wiring.today + timedelta(days=1)
    start = from_ or end - timedelta(days=TRAILING_DAYS)
    if not start < end <= start + timedelta(days=MAX_DAYS):
        raise invalid(f"`from` lies before `to`, by at most {MAX_DAYS} days.", pointer="/from")
    wanted = ReadingFilter(start, end, group_by == "day", asset_id, MAX_GROUPS)

    async def query(views: Views) -> ReadingAnswer:
        found = await views.reading(wanted)
        titles = await views.names([] if wanted.by_day else [UUID(str(one.key)) for one in found])
        return ReadingAnswer(
            **{"from": start},
            to=end,
            group_by=group_by,
            groups=[ReadingGroup.of(one) for one in found],
            names={str(id_): title for id_, title in titles.items()},
        )

    return await asked.show(query)


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
