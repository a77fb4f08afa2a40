"""Links over HTTP: pages that hold a token open what was shared, and tell how it is read."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Path, Request
from starlette.responses import Response

from content_service.application import links
from content_service.application.ports import Tx
from content_service.application.viewing import Reported
from content_service.domain.share_token import TOKEN_LENGTH, tenant_of
from content_service.entrypoints.browsers import browser_of
from content_service.entrypoints.schemas_links import (
    OpenedAnswer,
    OpenViewAnswer,
    OpenViewBody,
    PageBeatBody,
)
from content_service.entrypoints.wiring import wiring_of
from onefunnel.errors import not_found
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import to_json

T = TypeVar("T")

router = routes("content", prefix="/v1/t/{token}")

ACTOR = "system:share"  # who acts where a token is the only right
MAX_TOLD_BYTES: Final = 2_048
_OPEN = declared("content", "view-by-token", public=True)
_TELL = declared("content", "view-by-token", public=True, max_body_bytes=MAX_TOLD_BYTES)
_SEEN: dict[int | str, dict[str, Any]] = {
    200: {"model": OpenViewAnswer, "description": "A view with this `view_id` was begun before."}
}
Token = Annotated[str, Path(min_length=TOKEN_LENGTH, max_length=TOKEN_LENGTH)]


@router.get("", response_model=OpenedAnswer, openapi_extra=_OPEN)
async def open_share(token: Token, request: Request) -> Response:
    """Return what a token opens; a link to an earlier version works, with a warning. Counts no view."""

    async def work(tx: Tx) -> OpenedAnswer:
        return OpenedAnswer.of(await links.opened(token, tx=tx))

    shown = await _in_tenant(_tenant_of(token), request, work)
    return Response(to_json(shown), media_type="application/json")


@router.post(
    "/views",
    status_code=201,
    response_model=OpenViewAnswer,
    responses=_SEEN,
    openapi_extra=_TELL,
)
async def open_view(token: Token, body: OpenViewBody, request: Request) -> Response:
    """Begin a view of what was shared. It counts once its pages were looked at for two seconds."""
    tenant_id = _tenant_of(token)
    browser = browser_of(request, tenant_id)

    async def work(tx: Tx) -> Reported:
        return await links.open_view(token, body.command(), browser, tx=tx)

    begun = await _in_tenant(tenant_id, request, work)
    wiring_of(request).wake()
    viewing = begun.viewing
    shown = OpenViewAnswer(view_id=viewing.id, version=viewing.version, warning=begun.warning)
    status = 201 if begun.new else 200
    return Response(to_json(shown), status, media_type="application/json")


@router.post("/pages", status_code=204, openapi_extra=_TELL)
async def report_page(token: Token, body: PageBeatBody, request: Request) -> Response:
    """Tell how much longer a page was looked at. The same `seq` again changes nothing, nor does their order.

    Taken as `text/plain` as well, for `navigator.sendBeacon`.
    """
    tenant_id = _tenant_of(token)
    browser = browser_of(request, tenant_id)

    async def work(tx: Tx) -> UUID | None:
        return await links.take_beat(token, body.view_id, body.beat(), browser, tx=tx)

    if await _in_tenant(tenant_id, request, work):
        wiring_of(request).wake()
    return Response(status_code=204)


def _tenant_of(token: str) -> UUID:
    tenant_id = tenant_of(token)
    if tenant_id is None:
        raise not_found("share")
    return tenant_id


async def _in_tenant(tenant_id: UUID, request: Request, work: Callable[[Tx], Awaitable[T]]) -> T:
    wiring = wiring_of(request)
    metadata = wiring.metadata(tenant_id, ACTOR, str(request.scope["onefunnel.request_id"]))
    async with wiring.database.tenant(tenant_id) as conn:
        return await work(wiring.tx_of(conn, metadata))
