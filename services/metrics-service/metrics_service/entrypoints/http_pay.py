"""What may be done about pay, over HTTP: parse, command, answer."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from metrics_service.application import commands
from metrics_service.application.ports import A, Saved, Tx
from metrics_service.entrypoints.schemas import (
    AssignmentAnswer,
    AssignmentBody,
    EndBody,
    PeriodAnswer,
    PlanAnswer,
    PlanBody,
    QuotaAnswer,
    QuotaBody,
)
from metrics_service.entrypoints.scoping import check_not_paid_by, check_payee
from metrics_service.entrypoints.waiting import Views
from metrics_service.projections.plan_checks import check_plan
from onefunnel.http.bodies import Id, Period
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Work, Write

WriteOf = Callable[..., Awaitable[Write]]
TxOf = Callable[..., Tx]  # of a connection and the metadata of the events
WorkOf = Callable[[Callable[[Tx], Awaitable[Answer]]], Work]


def pay_routes(write_of: WriteOf, tx_of: TxOf, views: Views) -> APIRouter:
    """Return the routes that publish to the pay topic."""
    router = routes("compensation", prefix="/v1/compensation")

    def work(use: Callable[[Tx], Awaitable[Answer]]) -> Work:
        return lambda conn, metadata: use(tx_of(conn, metadata))

    _plans(router, write_of, work, views)
    _figures(router, write_of, work, views)
    return router


def _plans(router: APIRouter, write_of: WriteOf, work: WorkOf, views: Views) -> None:
    @router.post(
        "/plans",
        status_code=201,
        response_model=PlanAnswer,
        openapi_extra=declared("plan", "change", owned=True),
    )
    async def activate_plan(body: PlanBody, write: Annotated[Write, Depends(write_of)]) -> Response:
        """Put a plan in force, or with `plan_id` its next version: everybody assigned is paid by it."""
        if body.plan_id is not None:
            await check_not_paid_by(write.principal, views, body.plan_id)
        return await write(work(lambda tx: _plan(body, tx)))

    @router.post(
        "/assignments",
        status_code=201,
        response_model=AssignmentAnswer,
        openapi_extra=declared("plan", "change", owned=True),
    )
    async def assign_plan(
        body: AssignmentBody, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Pay a person by a plan between two dates, both inclusive; one plan at a time."""
        await check_payee(write.principal, views, body.person)
        return await write(work(lambda tx: _assignment(body, tx)))

    @router.post(
        "/assignments/{assignment_id}/end",
        response_model=AssignmentAnswer,
        openapi_extra=declared("plan", "change", owned=True),
    )
    async def end_assignment(
        assignment_id: Id, body: EndBody, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Give an open assignment its last day."""
        return await write(work(lambda tx: _end(assignment_id, body, tx)))


def _figures(router: APIRouter, write_of: WriteOf, work: WorkOf, views: Views) -> None:
    @router.post(
        "/quotas",
        status_code=201,
        response_model=QuotaAnswer,
        openapi_extra=declared("quota", "set", owned=True),
    )
    async def set_quota(body: QuotaBody, write: Annotated[Write, Depends(write_of)]) -> Response:
        """Set a person's quota; the newest for the same measure, component and period counts."""
        await check_payee(write.principal, views, body.person)
        return await write(work(lambda tx: _quota(body, tx)))

    @router.post(
        "/periods/{period}/close",
        response_model=PeriodAnswer,
        openapi_extra=declared("period", "close"),
    )
    async def close_period(period: Period, write: Annotated[Write, Depends(write_of)]) -> Response:
        """Close a period that is over: its statements stay, later differences go to an open one."""
        return await write(work(lambda tx: _close(period, tx)))


async def _plan(body: PlanBody, tx: Tx) -> Answer:
    draft = body.draft()
    warnings = check_plan(draft.document(UUID(int=0), 1))
    if body.plan_id is None:
        saved = await commands.activate_plan(draft, tx=tx)
    else:
        saved = await commands.revise_plan(body.plan_id, draft, tx=tx)
    return _created(saved, PlanAnswer.of(saved.aggregate, warnings))


async def _assignment(body: AssignmentBody, tx: Tx) -> Answer:
    saved = await commands.assign_plan(body.command(), tx=tx)
    return _created(saved, AssignmentAnswer.of(saved.aggregate))


async def _end(assignment_id: UUID, body: EndBody, tx: Tx) -> Answer:
    saved = await commands.end_assignment(assignment_id, body.to, tx=tx)
    return _changed(saved, AssignmentAnswer.of(saved.aggregate))


async def _quota(body: QuotaBody, tx: Tx) -> Answer:
    saved = await commands.set_quota(body.command(), tx=tx)
    return _created(saved, QuotaAnswer.of(saved.aggregate))


async def _close(period: str, tx: Tx) -> Answer:
    saved = await commands.close_period(period, tx=tx)
    closed = saved.aggregate
    return _changed(saved, PeriodAnswer(period=closed.name, closed_at=closed.closed_at))


def _created(saved: Saved[A], body: object) -> Answer:
    return Answer(body, status=201, event_id=saved.event_id, etag=saved.version)


def _changed(saved: Saved[A], body: object) -> Answer:
    return Answer(body, event_id=saved.event_id, etag=saved.version)
