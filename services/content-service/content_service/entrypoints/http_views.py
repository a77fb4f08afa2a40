"""Views over HTTP: servers report them with a key, browsers with the token of a share."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Path, Request
from starlette.responses import Response

from content_service.application import viewing
from content_service.application.ports import Tx
from content_service.application.viewing import Reported
from content_service.domain.share_token import TOKEN_LENGTH, tenant_of
from content_service.entrypoints.schemas_viewing import (
    BrowserViewBody,
    OpenedAnswer,
    ServerViewBody,
    ViewAnswer,
)
from content_service.entrypoints.wiring import Asking, Wiring, wiring_of
from onefunnel.errors import not_found
from onefunnel.http.bodies import Id
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, to_json

T = TypeVar("T")

router = routes("content", prefix="/v1")

ACTOR = "system:share"  # who acts where a token is the only right
_BY_TOKEN = declared("content", "view-by-token", public=True)
_SEEN: dict[int | str, dict[str, Any]] = {
    200: {"model": ViewAnswer, "description": "The view was known already."}
}
Token = Annotated[str, Path(min_length=TOKEN_LENGTH, max_length=TOKEN_LENGTH)]


@router.post(
    "/content/{asset_id}/views",
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


@router.post(
    "/t/{token}/views",
    status_code=201,
    response_model=ViewAnswer,
    responses=_SEEN,
    openapi_extra=_BY_TOKEN,
)
async def report_view_by_token(token: Token, body: BrowserViewBody, request: Request) -> Response:
    """Report a view of what was shared; the token is the only right that is needed."""
    report = body.report(request.headers.get("user-agent"))

    async def work(tx: Tx) -> Reported:
        return await viewing.report_by_token(token, report, tx=tx)

    wiring = wiring_of(request)
    reported = await _in_tenant_of(token, request, wiring, work)
    wiring.wake()
    content = to_json(ViewAnswer.of(reported))
    return Response(content, 201 if reported.new else 200, media_type="application/json")


@router.get("/t/{token}", response_model=OpenedAnswer, openapi_extra=_BY_TOKEN)
async def open_share(token: Token, request: Request) -> Response:
    """Return what a token opens; a link to an earlier version works, with a warning."""

    async def work(tx: Tx) -> OpenedAnswer:
        opened = await viewing.opened(token, tx=tx)
        return OpenedAnswer.of(opened)

    shown = await _in_tenant_of(token, request, wiring_of(request), work)
    return Response(to_json(shown), media_type="application/json")


async def _in_tenant_of(
    token: str, request: Request, wiring: Wiring, work: Callable[[Tx], Awaitable[T]]
) -> T:
    tenant_id = tenant_of(token)
    if tenant_id is None:
        raise not_found("share")
    metadata = wiring.metadata(tenant_id, ACTOR, str(request.scope["onefunnel.request_id"]))
    async with wiring.database.tenant(tenant_id) as conn:
        return await work(wiring.tx_of(conn, metadata))
