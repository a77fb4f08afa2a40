"""Any number, explained, over HTTP."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from metrics_service.application.queries.explain import METRICS, ExplainQuestion
from metrics_service.application.queries.explain_answer import ExplainAnswer
from metrics_service.application.queries.explain_others import (
    CONTENT_USED,
    QUOTA_CREDITED,
    ContentPart,
    QuotaPart,
)
from metrics_service.application.queries.explanation import (
    After,
    Found,
    counted,
    credited,
    explained,
    used,
)
from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.scope import Scope, not_there
from metrics_service.application.queries.utilization import ContentDimension
from metrics_service.entrypoints.questions import FilterParameters
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.errors import invalid
from onefunnel.events.values import Code, Currency, StepKey
from onefunnel.http.pagination import PageRequest
from onefunnel.http.routing import declared, routes

_CONTENT: tuple[ContentDimension, ...] = ("kind", "stage", "owner", "asset", "segment")


class ExplainParameters(FilterParameters):
    """Which number: as its `explain` link has it."""

    metric: Annotated[str, Field(max_length=64, examples=["funnel.entered"])]
    step: StepKey | None = None
    currency: Currency | None = None
    maturity: Literal["mature"] | None = None
    funnel: Code = "default"
    measure: Literal["revenue", "margin", "count"] | None = None
    component: Code | None = None
    active_days: Annotated[int, Field(ge=0, le=400)] = 30
    kind: Code | None = None
    stage: StepKey | None = None
    owner: Annotated[str | None, Field(max_length=36)] = None
    asset: Annotated[str | None, Field(max_length=36)] = None


def explain_routes(ask_of: AskOf) -> APIRouter:
    """Return the route that lists what a number is made of."""
    router = routes("metrics", prefix="/v1")

    @router.get(
        "/explain",
        response_model=ExplainAnswer,
        openapi_extra=declared(
            "explanation", "read", owned=True, finer={f"metric={QUOTA_CREDITED}": "attainment"}
        ),
    )
    async def explain_number(
        parameters: Annotated[ExplainParameters, Query()],
        page: PageRequest,
        ask: Annotated[Ask, Depends(ask_of)],
    ) -> Response:
        """List the deals, leads or assets behind a number, with their events; their sum is the number."""
        begin = (str(page.after[0]), UUID(str(page.after[1]))) if page.after else None

        async def query(reads: Reads, scope: Scope) -> ExplainAnswer:
            found = await _found(parameters, reads, scope)
            answer, last = await explained(found, After(begin, page.limit), reads)
            if last is None:
                return answer
            # One row more than the limit is how a page knows that there is another.
            rows = [*[last] * page.limit, last]
            cursor = page.answer(rows, key=lambda part: (part.entity, str(part.id)))
            return replace(answer, next_cursor=cursor["next_cursor"])

        return await ask.scoped(query)

    return router


async def _found(asked: ExplainParameters, reads: Reads, scope: Scope) -> Found:
    cut = scope.cut(asked.filtered(await reads.situations.situation()))
    if asked.metric == QUOTA_CREDITED:
        if asked.person is None or asked.measure is None:
            raise invalid("Name the person and the measure.", pointer="/person")
        person, last = UUID(cut.filters["person"]), cut.window.to - timedelta(days=1)
        if scope.rights.grouped or not scope.shows(person, cut.window.from_, last):
            raise not_there()
        part = QuotaPart(person, asked.measure, asked.component, cut.window)
        return await credited(part, asked.metric, cut, reads)
    if asked.metric == CONTENT_USED:
        group = next(((d, v) for d in _CONTENT if (v := getattr(asked, d)) is not None), None)
        return await used(
            ContentPart(cut.window, asked.active_days, group), asked.metric, cut, reads
        )
    if asked.metric not in METRICS:
        known = ", ".join((*METRICS, QUOTA_CREDITED, CONTENT_USED))
        raise invalid(f"The metrics are: {known}.", pointer="/metric")
    mature = asked.maturity == "mature"
    question = ExplainQuestion(asked.metric, cut, asked.step, asked.currency, mature, asked.funnel)
    return await counted(question, reads)
