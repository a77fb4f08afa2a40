"""The queue of ratings that are too far apart, over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from onefunnel.http.bodies import Id
from onefunnel.http.pagination import Page, PageRequest
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer
from scoring_service.application import commands
from scoring_service.application.ports import Tx
from scoring_service.application.queries import CaseFilter, CaseView, Views
from scoring_service.entrypoints.schemas import (
    DecisionBody,
    ReconciliationAnswer,
    ReconciliationsAnswer,
)
from scoring_service.entrypoints.wiring import Asking

router = routes("scoring", prefix="/v1/ratings/reconciliations")

Wanted = Annotated[
    Literal["open", "decided", "all"], Query(description="Open cases unless told otherwise.")
]


@router.get(
    "",
    response_model=ReconciliationsAnswer,
    openapi_extra=declared("reconciliation", "read"),
)
async def list_reconciliations(
    asked: Asking, page: PageRequest, status: Wanted = "open"
) -> Response:
    """List leads that marketing and sales rate two or more apart, longest waiting first."""

    async def query(views: Views) -> object:
        wanted = CaseFilter(None if status == "all" else status, _place(page), page.limit + 1)
        found = await views.cases(wanted)
        return page.answer(found, key=_key, item=ReconciliationAnswer.of)

    return await asked.show(query)


@router.post(
    "/{reconciliation_id}/decision",
    response_model=ReconciliationAnswer,
    openapi_extra=declared("reconciliation", "decide"),
)
async def decide_reconciliation(
    reconciliation_id: Id, body: DecisionBody, asked: Asking
) -> Response:
    """Decide between two ratings, with a reason; only a manager may, and only once."""

    async def work(tx: Tx, views: Views) -> Answer:
        command = body.command(reconciliation_id)
        _, event_id = await commands.decide_case(command, by=asked.party, tx=tx)
        shown = ReconciliationAnswer.of(await views.case(reconciliation_id))
        return Answer(shown, event_id=event_id)

    return await asked.do(work)


def _key(view: CaseView) -> list[str]:
    return [view.case.opened_at.isoformat(), str(view.case.id)]


def _place(page: Page) -> tuple[datetime, UUID] | None:
    if page.after is None:
        return None
    opened_at, case_id = page.after
    return datetime.fromisoformat(str(opened_at)), UUID(str(case_id))
