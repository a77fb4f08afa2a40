"""Shares over HTTP: send an asset, see how it is read, withdraw the link."""

from datetime import datetime
from uuid import UUID

from starlette.responses import Response

from content_service.application import library
from content_service.application.ports import Tx
from content_service.application.queries import ShareFilter, Views
from content_service.domain.asset import keeps_to_own
from content_service.entrypoints.schemas_shares import (
    ShareAnswer,
    ShareBody,
    SharesAnswer,
    ShareUse,
)
from content_service.entrypoints.wiring import Asking
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import Page, PageRequest
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("content", prefix="/v1/content/{asset_id}/shares")

_SHARE = declared("content", "share")


@router.post("", status_code=201, response_model=ShareAnswer, openapi_extra=_SHARE)
async def share_asset(asset_id: Id, body: ShareBody, asked: Asking) -> Response:
    """Share the newest version with a deal's buyer or a lead; the answer holds the token, once."""

    async def work(tx: Tx) -> Answer:
        command = body.command(asset_id)
        share, token, saved = await library.share_asset(command, by=asked.author, tx=tx)
        return Answer(ShareAnswer.of(share, token), status=201, event_id=saved.event_id)

    return await asked.do(work)


@router.get("", response_model=SharesAnswer, openapi_extra=_SHARE)
async def list_shares(asset_id: Id, asked: Asking, page: PageRequest) -> Response:
    """List what was shared of an asset, newest first, and how often, how long and when last it was read.

    A rep sees what they shared themselves.
    """
    author = asked.author
    wanted = ShareFilter(
        asset_id=asset_id,
        own=keeps_to_own(author.role),
        person_id=author.person_id,
        after=_place(page),
        limit=page.limit + 1,
    )

    async def query(views: Views) -> object:
        found = await views.shares(wanted)
        return page.answer(
            found,
            key=lambda view: [view.share.shared_at.isoformat(), str(view.share.id)],
            item=ShareUse.of,
        )

    return await asked.show(query)


@router.delete("/{share_id}", status_code=204, openapi_extra=declared("content", "revoke"))
async def revoke_share(asset_id: Id, share_id: Id, asked: Asking) -> Response:
    """Withdraw a link: it opens nothing any more. A rep withdraws what they shared themselves."""

    async def work(tx: Tx) -> Answer:
        changed = await library.revoke_share(asset_id, share_id, by=asked.author, tx=tx)
        return Answer(status=204, changed=changed)

    return await asked.do(work)


def _place(page: Page) -> tuple[datetime, UUID] | None:
    if page.after is None:
        return None
    shared_at, share_id = page.after
    return datetime.fromisoformat(str(shared_at)), UUID(str(share_id))
