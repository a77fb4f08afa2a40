"""Lists of what has been decided about pay, over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.scope import Scope
from metrics_service.domain.adjustment import Status
from metrics_service.entrypoints.reading import Ask, AskOf
from metrics_service.entrypoints.schemas import (
    AdjustmentAnswer,
    AssignmentAnswer,
    PeriodAnswer,
    PlanAnswer,
    QuotaAnswer,
)
from onefunnel.http.bodies import Id, Period, Shown
from onefunnel.http.pagination import Page, PageRequest
from onefunnel.http.routing import declared, routes


class Plans(Shown):
    """A page of plans, each as its newest version."""

    items: list[PlanAnswer]
    next_cursor: str | None


class Assignments(Shown):
    """A page of assignments."""

    items: list[AssignmentAnswer]
    next_cursor: str | None


class Quotas(Shown):
    """A page of quotas."""

    items: list[QuotaAnswer]
    next_cursor: str | None


class Periods(Shown):
    """A page of closed periods."""

    items: list[PeriodAnswer]
    next_cursor: str | None


class Adjustments(Shown):
    """A page of adjustments."""

    items: list[AdjustmentAnswer]
    next_cursor: str | None


def pay_list_routes(ask_of: AskOf) -> APIRouter:
    """Return the routes that list plans, assignments, quotas, periods and adjustments."""
    router = routes("compensation", prefix="/v1/compensation")

    @router.get("/plans", response_model=Plans, openapi_extra=declared("plan", "read", owned=True))
    async def list_plans(page: PageRequest, ask: Annotated[Ask, Depends(ask_of)]) -> Response:
        """List plans, each as its newest version."""

        async def query(reads: Reads, scope: Scope) -> Plans:
            rows = await reads.documents.plans(
                after=_after(page), limit=page.limit + 1, seen=scope.spans
            )
            return Plans(**page.answer(rows, key=_key, item=lambda plan: PlanAnswer.of(plan, [])))

        return await ask.scoped(query)

    @router.get(
        "/assignments",
        response_model=Assignments,
        openapi_extra=declared("plan", "read", owned=True),
    )
    async def list_assignments(
        page: PageRequest,
        ask: Annotated[Ask, Depends(ask_of)],
        person: Annotated[Id | None, Query()] = None,
        plan: Annotated[Id | None, Query()] = None,
    ) -> Response:
        """List who is paid by which plan, and when."""

        async def query(reads: Reads, scope: Scope) -> Assignments:
            scope.check_ever(person)
            rows = await reads.documents.assignments(
                person=person,
                plan=plan,
                after=_after(page),
                limit=page.limit + 1,
                seen=scope.spans,
            )
            return Assignments(**page.answer(rows, key=_key, item=AssignmentAnswer.of))

        return await ask.scoped(query)

    @router.get(
        "/quotas", response_model=Quotas, openapi_extra=declared("quota", "read", owned=True)
    )
    async def list_quotas(
        page: PageRequest,
        ask: Annotated[Ask, Depends(ask_of)],
        person: Annotated[Id | None, Query()] = None,
        period: Annotated[Period | None, Query()] = None,
    ) -> Response:
        """List quotas as they now are."""

        async def query(reads: Reads, scope: Scope) -> Quotas:
            scope.check_ever(person)
            rows = await reads.documents.quotas(
                person=person,
                period=period,
                after=_after(page),
                limit=page.limit + 1,
                pairs=await _quotas_seen(reads, scope),
            )
            return Quotas(**page.answer(rows, key=_key, item=QuotaAnswer.of))

        return await ask.scoped(query)

    _periods_and_adjustments(router, ask_of)
    return router


def _periods_and_adjustments(router: APIRouter, ask_of: AskOf) -> None:
    @router.get("/periods", response_model=Periods, openapi_extra=declared("period", "read"))
    async def list_periods(page: PageRequest, ask: Annotated[Ask, Depends(ask_of)]) -> Response:
        """List the closed periods."""

        async def query(reads: Reads) -> Periods:
            after = str(page.after[0]) if page.after else None
            rows = await reads.documents.periods(after=after, limit=page.limit + 1)
            return Periods(
                **page.answer(
                    rows,
                    key=lambda row: (row.name,),
                    item=lambda row: PeriodAnswer(period=row.name, closed_at=row.closed_at),
                )
            )

        return await ask(query)

    @router.get(
        "/adjustments",
        response_model=Adjustments,
        openapi_extra=declared("adjustment", "read", owned=True),
    )
    async def list_adjustments(
        page: PageRequest,
        ask: Annotated[Ask, Depends(ask_of)],
        person: Annotated[Id | None, Query()] = None,
        status: Annotated[Status | None, Query()] = None,
    ) -> Response:
        """List postings by hand, proposed and decided, with their reasons."""

        async def query(reads: Reads, scope: Scope) -> Adjustments:
            scope.check_ever(person)
            rows = await reads.documents.adjustments(
                person=person,
                status=status,
                after=_after(page),
                limit=page.limit + 1,
                seen=scope.spans,
            )
            return Adjustments(**page.answer(rows, key=_key, item=AdjustmentAnswer.of))

        return await ask.scoped(query)


async def _quotas_seen(reads: Reads, scope: Scope) -> list[tuple[UUID, str]] | None:
    """Return whose quotas of which periods the caller sees, by the rule of a statement; None for all."""
    if (spans := scope.spans) is None:
        return None
    people = sorted({span.person for span in spans})
    return [pair for pair in await reads.documents.quota_pairs(people) if scope.shows_period(*pair)]


def _after(page: Page) -> UUID | None:
    return UUID(str(page.after[0])) if page.after else None


def _key(row: Any) -> tuple[str]:
    return (str(row.id),)
