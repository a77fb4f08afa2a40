"""Feedback and win-loss over HTTP."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from content_service.application import conversation
from content_service.application.ports import Tx
from content_service.application.queries import FeedbackFilter, Views, WinLossFilter
from content_service.domain.feedback import Feedback
from content_service.domain.winloss import Voice, WinLoss
from content_service.entrypoints.schemas_conversation import (
    FeedbackAnswerBody,
    FeedbackBody,
    FeedbackItem,
    FeedbackItems,
    WinLossBody,
    WinLossRecord,
    WinLossRecords,
)
from content_service.entrypoints.wiring import Asking
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import Page, PageRequest
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("feedback", prefix="/v1")

_READ = declared("feedback", "read")
_CREATE = declared("feedback", "create")
Status = Annotated[Literal["open", "answered"] | None, Query(description="Both unless told.")]
Overdue = Annotated[bool, Query(description="Only open items after the day they were due.")]


@router.post("/feedback", status_code=201, response_model=FeedbackItem, openapi_extra=_CREATE)
async def submit_feedback(body: FeedbackBody, asked: Asking) -> Response:
    """Tell marketing something: one owner, one day by which an answer is due."""

    async def work(tx: Tx) -> Answer:
        item, saved = await conversation.submit_feedback(body.command(), by=asked.author, tx=tx)
        return Answer(
            FeedbackItem.of(item, asked.wiring.today),
            status=201,
            event_id=saved.event_id,
            etag=saved.version,
            location=f"/v1/feedback/{item.id}",
        )

    return await asked.do(work)


@router.get("/feedback", response_model=FeedbackItems, openapi_extra=_READ)
async def list_feedback(
    asked: Asking,
    page: PageRequest,
    status: Status = None,
    overdue: Overdue = False,
    owner_id: Id | None = None,
    asset_id: Id | None = None,
) -> Response:
    """List items, the first due first."""
    today = asked.wiring.today

    async def query(views: Views) -> object:
        found = await views.feedback(
            FeedbackFilter(today, status, overdue, owner_id, asset_id, _due(page), page.limit + 1)
        )
        return page.answer(found, key=_due_key, item=lambda i: FeedbackItem.of(i, today))

    return await asked.show(query)


@router.get("/feedback/{feedback_id}", response_model=FeedbackItem, openapi_extra=_READ)
async def get_feedback(feedback_id: Id, asked: Asking) -> Response:
    """Return one item."""

    async def query(views: Views) -> FeedbackItem:
        return FeedbackItem.of(await views.feedback_item(feedback_id), asked.wiring.today)

    return await asked.show(query)


@router.post(
    "/feedback/{feedback_id}/answer",
    response_model=FeedbackItem,
    openapi_extra=declared("feedback", "answer"),
)
async def answer_feedback(feedback_id: Id, body: FeedbackAnswerBody, asked: Asking) -> Response:
    """Answer an item, once, and say whether something was changed because of it."""

    async def work(tx: Tx) -> Answer:
        command = body.command(feedback_id)
        item, saved = await conversation.answer_feedback(command, by=asked.author, tx=tx)
        shown = FeedbackItem.of(item, asked.wiring.today)
        return Answer(shown, event_id=saved.event_id, etag=saved.version)

    return await asked.do(work)


@router.post("/win-loss", status_code=201, response_model=WinLossRecord, openapi_extra=_CREATE)
async def record_win_loss(body: WinLossBody, asked: Asking) -> Response:
    """Say in one voice why a deal was won or lost."""

    async def work(tx: Tx) -> Answer:
        record, saved = await conversation.record_winloss(body.command(), by=asked.author, tx=tx)
        return Answer(WinLossRecord.of(record), status=201, event_id=saved.event_id)

    return await asked.do(work)


@router.get("/win-loss", response_model=WinLossRecords, openapi_extra=_READ)
async def list_win_loss(
    asked: Asking, page: PageRequest, deal_id: Id | None = None, voice: Voice | None = None
) -> Response:
    """List what was said, newest first; of one deal, to see its voices side by side."""

    async def query(views: Views) -> object:
        wanted = WinLossFilter(deal_id, voice, _said(page), page.limit + 1)
        found = await views.winlosses(wanted)
        return page.answer(found, key=_said_key, item=WinLossRecord.of)

    return await asked.show(query)


def _due_key(item: Feedback) -> list[str]:
    return [item.due_on.isoformat(), str(item.id)]


def _due(page: Page) -> tuple[date, UUID] | None:
    if page.after is None:
        return None
    return date.fromisoformat(str(page.after[0])), UUID(str(page.after[1]))


def _said_key(record: WinLoss) -> list[str]:
    return [record.recorded_at.isoformat(), str(record.id)]


def _said(page: Page) -> tuple[datetime, UUID] | None:
    if page.after is None:
        return None
    return datetime.fromisoformat(str(page.after[0])), UUID(str(page.after[1]))
