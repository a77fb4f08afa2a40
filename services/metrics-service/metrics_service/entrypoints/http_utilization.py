"""Lead and content utilization, over HTTP."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from metrics_service.application.queries.cut import window
from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.scope import Scope
from metrics_service.application.queries.utilization import (
    ContentDimension,
    ContentQuestion,
    content_use,
    lead_use,
)
from metrics_service.application.queries.utilization_answer import ContentUseAnswer, LeadUseAnswer
from metrics_service.entrypoints.questions import CutParameters
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.http.bodies import Day
from onefunnel.http.routing import declared, routes

TRAILING_DAYS = 90
_READ = declared("metrics", "read", owned=True, grouped=True)
# About what marketing made, and about nobody's results.
_CONTENT = declared("content", "read")


def utilization_routes(ask_of: AskOf) -> APIRouter:
    """Return the routes that say whether sales used what marketing gave."""
    router = routes("metrics", prefix="/v1")

    @router.get("/lead-utilization", response_model=LeadUseAnswer, openapi_extra=_READ)
    async def get_lead_utilization(
        parameters: Annotated[CutParameters, Query()], ask: Annotated[Ask, Depends(ask_of)]
    ) -> Response:
        """Show which leads handed to sales were touched by a person of sales within 14 days."""

        async def query(reads: Reads, scope: Scope) -> LeadUseAnswer:
            situation = await reads.situations.situation()
            cut = scope.cut(parameters.cut(situation))
            answer = await lead_use(cut, situation=situation, rows=reads.utilization)
            return replace(answer, groups=scope.large_teams(answer.groups, cut))

        return await ask.scoped(query)

    @router.get("/content-utilization", response_model=ContentUseAnswer, openapi_extra=_CONTENT)
    async def get_content_utilization(
        ask: Annotated[Ask, Depends(ask_of)],
        from_: Annotated[Day | None, Query(alias="from")] = None,
        to: Annotated[Day | None, Query()] = None,
        group_by: Annotated[ContentDimension | None, Query()] = None,
        active_days: Annotated[
            int, Query(ge=0, le=400, description="How long an asset was available to count.")
        ] = 30,
    ) -> Response:
        """Show which assets were shared on a deal; the trailing 90 days unless told."""

        async def query(reads: Reads) -> ContentUseAnswer:
            situation, org = await reads.situations.situation(), await reads.situations.org()
            days = window(from_, to, situation.today, days=TRAILING_DAYS)
            question = ContentQuestion(days, group_by, active_days)
            return await content_use(question, situation=situation, org=org, rows=reads.utilization)

        return await ask(query)

    return router
