"""The library over HTTP: publish, find, judge, measure."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import StringConstraints
from starlette.responses import Response

from content_service.application import library, queries
from content_service.application.ports import Tx
from content_service.application.queries import AssetView, LibraryFilter, SearchFilter, Views
from content_service.entrypoints.schemas_library import (
    AssetAnswer,
    AssetBody,
    AssetDetail,
    AssetRatingAnswer,
    AssetRatingBody,
    AssetsAnswer,
    AssetVersionAnswer,
    AssetVersionBody,
    AssetVersionsAnswer,
    PerformanceAnswer,
    SearchedWords,
    SearchesAnswer,
)
from content_service.entrypoints.wiring import Asking
from onefunnel.events.values import Code, StepKey
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import Page, PageRequest
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("content", prefix="/v1/content")

_READ = declared("content", "read")
Words = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)] | None,
    Query(description="Search title, summary and text; best matches first."),
]
Status = Annotated[
    Literal["active", "expired", "retired", "all"],
    Query(description="Assets in use unless told otherwise."),
]
Empty = Annotated[bool, Query(description="Only searches that found nothing.")]


@router.post(
    "", status_code=201, response_model=AssetAnswer, openapi_extra=declared("content", "create")
)
async def publish_asset(body: AssetBody, asked: Asking) -> Response:
    """Publish a new asset: sales finds it at once."""

    async def work(tx: Tx) -> Answer:
        asset, saved = await library.publish_asset(body.command(), by=asked.author, tx=tx)
        return Answer(
            AssetAnswer.of(asset, asked.wiring.today),
            status=201,
            event_id=saved.event_id,
            etag=saved.version,
            location=f"/v1/content/{asset.id}",
        )

    return await asked.do(work)


@router.get("", response_model=AssetsAnswer, openapi_extra=_READ)
async def list_content(
    asked: Asking,
    page: PageRequest,
    q: Words = None,
    kind: Code | None = None,
    stage: StepKey | None = None,
    segment: Code | None = None,
    owner_id: Id | None = None,
    status: Status = "active",
) -> Response:
    """Find assets in use. A search is remembered, so that marketing learns what is missing."""
    wanted = LibraryFilter(
        today=asked.wiring.today,
        words=q,
        kind=kind,
        stage=stage,
        segment=segment,
        owner_id=owner_id,
        standing=None if status == "all" else status,
        after=_place(page, searching=q is not None),
        limit=page.limit + 1,
    )

    async def query(tx: Tx, views: Views) -> object:
        found = await queries.search_library(wanted, by=asked.author, tx=tx, views=views)
        shown = page.answer(
            found.items,
            key=lambda view: _key(view, searching=q is not None),
            item=lambda view: AssetAnswer.of(view.asset, wanted.today),
        )
        return {**shown, "total": found.total}

    return await asked.look(query)


@router.get("/searches", response_model=SearchesAnswer, openapi_extra=_READ)
async def list_searches(asked: Asking, page: PageRequest, empty: Empty = False) -> Response:
    """List what was searched for, most frequent first; `empty=true` is the list of gaps."""

    async def query(views: Views) -> object:
        found = await views.searches(SearchFilter(empty, _searched(page), page.limit + 1))
        return page.answer(found, key=lambda s: [s.count, s.digest.hex()], item=SearchedWords.of)

    return await asked.show(query)


@router.get("/{asset_id}", response_model=AssetDetail, openapi_extra=_READ)
async def get_asset(asset_id: Id, asked: Asking) -> Response:
    """Return an asset with its text."""

    async def query(views: Views) -> AssetView:
        return await views.asset(asset_id)

    view = await asked.ask(query)
    return asked.read.answer(AssetDetail.full(view, asked.wiring.today), etag=view.row_version)


@router.get("/{asset_id}/versions", response_model=AssetVersionsAnswer, openapi_extra=_READ)
async def list_asset_versions(asset_id: Id, asked: Asking, page: PageRequest) -> Response:
    """List the versions of an asset, newest first."""

    async def query(views: Views) -> object:
        below = int(page.after[0] or 0) if page.after else None
        found = await views.editions(asset_id, below=below, limit=page.limit + 1)
        return page.answer(found, key=lambda v: [v.version], item=AssetVersionAnswer.of)

    return await asked.show(query)


@router.post(
    "/{asset_id}/versions",
    status_code=201,
    response_model=AssetAnswer,
    openapi_extra=declared("content", "publish"),
)
async def publish_asset_version(asset_id: Id, body: AssetVersionBody, asked: Asking) -> Response:
    """Publish the next version; links to earlier ones go on working, with a warning."""

    async def work(tx: Tx) -> Answer:
        asset, saved = await library.revise_asset(body.command(asset_id), by=asked.author, tx=tx)
        return Answer(
            AssetAnswer.of(asset, asked.wiring.today),
            status=201,
            event_id=saved.event_id,
            etag=saved.version,
        )

    return await asked.do(work)


@router.post(
    "/{asset_id}/retire", response_model=AssetAnswer, openapi_extra=declared("content", "retire")
)
async def retire_asset(asset_id: Id, asked: Asking) -> Response:
    """Withdraw an asset: it is neither found nor shared any more."""

    async def work(tx: Tx) -> Answer:
        asset, saved = await library.retire_asset(asset_id, tx=tx)
        return Answer(
            AssetAnswer.of(asset, asked.wiring.today), event_id=saved.event_id, etag=saved.version
        )

    return await asked.do(work)


@router.post(
    "/{asset_id}/ratings",
    status_code=201,
    response_model=AssetRatingAnswer,
    openapi_extra=declared("content", "rate"),
)
async def rate_asset(asset_id: Id, body: AssetRatingBody, asked: Asking) -> Response:
    """Judge how useful an asset is; the newest verdict of each person counts."""

    async def work(tx: Tx) -> Answer:
        asset, saved = await library.rate_asset(body.command(asset_id), by=asked.author, tx=tx)
        shown = AssetRatingAnswer(asset_id=asset.id, score=body.score)
        return Answer(shown, status=201, event_id=saved.event_id)

    return await asked.do(work)


@router.get("/{asset_id}/performance", response_model=PerformanceAnswer, openapi_extra=_READ)
async def get_asset_performance(asset_id: Id, asked: Asking) -> Response:
    """Return views, viewers, average time, completion and verdicts; machines and own people are left out."""

    async def query(views: Views) -> PerformanceAnswer:
        return PerformanceAnswer.of(asset_id, await views.performance(asset_id))

    return await asked.show(query)


def _key(view: AssetView, *, searching: bool) -> list[str | int]:
    first = view.rank if searching else view.asset.published_at.isoformat()
    return [first, str(view.asset.id)]


def _place(page: Page, *, searching: bool) -> tuple[int | datetime, UUID] | None:
    if page.after is None:
        return None
    first, asset_id = page.after
    place = int(first or 0) if searching else datetime.fromisoformat(str(first))
    return place, UUID(str(asset_id))


def _searched(page: Page) -> tuple[int, bytes] | None:
    if page.after is None:
        return None
    return int(page.after[0] or 0), bytes.fromhex(str(page.after[1]))
