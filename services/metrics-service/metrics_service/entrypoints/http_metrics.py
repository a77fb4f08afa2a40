"""The funnel and sales performance, over HTTP."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from metrics_service.application.queries.funnel import FunnelQuestion, funnel
from metrics_service.application.queries.funnel_answer import FunnelAnswer
from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.sales import SalesQuestion, sales
from metrics_service.application.queries.sales_answer import SalesAnswer
from metrics_service.application.queries.scope import Scope
from metrics_service.entrypoints.questions import CutParameters
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.events.values import Code
from onefunnel.http.routing import declared, routes

_READ = declared("metrics", "read", owned=True, grouped=True)


class FunnelParameters(CutParameters):
    """Which funnel, over what, counted how."""

    method: Annotated[
        Literal["cohort", "snapshot"],
        Field(description="cohort: what came of whom; snapshot: entries of the same days"),
    ] = "cohort"
    funnel: Code = "default"


class SalesParameters(CutParameters):
    """Over what, and whether month by month."""

    granularity: Literal["month", "quarter", "year"] | None = None


def metric_routes(ask_of: AskOf) -> APIRouter:
    """Return the routes that answer with funnel and sales numbers."""
    router = routes("metrics", prefix="/v1")

    @router.get("/funnel", response_model=FunnelAnswer, openapi_extra=_READ)
    async def get_funnel(
        parameters: Annotated[FunnelParameters, Query()], ask: Annotated[Ask, Depends(ask_of)]
    ) -> Response:
        """Show each step with its owner: entered, converted in its window, lost, running, open now."""

        async def query(reads: Reads, scope: Scope) -> FunnelAnswer:
            situation = await reads.situations.situation()
            cut = scope.cut(parameters.cut(situation))
            question = FunnelQuestion(cut, parameters.method, parameters.funnel)
            answer = await funnel(question, situation=situation, rows=reads.funnel)
            return replace(answer, groups=scope.large_teams(answer.groups, cut))

        return await ask.scoped(query)

    @router.get("/sales-performance", response_model=SalesAnswer, openapi_extra=_READ)
    async def get_sales_performance(
        parameters: Annotated[SalesParameters, Query()], ask: Annotated[Ask, Depends(ask_of)]
    ) -> Response:
        """Show what was opened, won, lost and undecided; revenue, discount, margin; rates and cycle."""

        async def query(reads: Reads, scope: Scope) -> SalesAnswer:
            situation = await reads.situations.situation()
            cut = scope.cut(parameters.cut(situation))
            question = SalesQuestion(cut, parameters.granularity)
            org = scope.seen(await reads.situations.org()) if cut.group_by else None
            answer = await sales(question, situation=situation, org=org, rows=reads.sales)
            return replace(answer, groups=scope.large_teams(answer.groups, cut))

        return await ask.scoped(query)

    return router
