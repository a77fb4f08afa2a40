"""Postings by hand, over HTTP: one person proposes, another one decides."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from metrics_service.application import commands
from metrics_service.application.ports import Saved, Tx
from metrics_service.domain.adjustment import Adjustment
from metrics_service.entrypoints.http_pay import TxOf, WriteOf
from metrics_service.entrypoints.schemas import AdjustmentAnswer, AdjustmentBody
from metrics_service.entrypoints.scoping import check_payee
from metrics_service.entrypoints.waiting import Views
from onefunnel.http.bodies import Id
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write

_PATH: Final = "/v1/compensation/adjustments"
_APPROVES: Final = declared("adjustment", "approve", owned=True)

Use = Callable[[Tx], Awaitable[Saved[Adjustment]]]


def adjustment_routes(write_of: WriteOf, tx_of: TxOf, views: Views) -> APIRouter:
    """Return the routes that propose adjustments and decide about them."""
    router = routes("compensation", prefix=_PATH)

    async def written(write: Write, use: Use, status: int = 200) -> Response:
        async def work(conn: object, metadata: object) -> Answer:
            saved = await use(tx_of(conn, metadata))
            body = AdjustmentAnswer.of(saved.aggregate)
            return Answer(body, status=status, event_id=saved.event_id, etag=saved.version)

        return await write(work)

    @router.post(
        "",
        status_code=201,
        response_model=AdjustmentAnswer,
        openapi_extra=declared("adjustment", "create", owned=True),
    )
    async def propose_adjustment(
        body: AdjustmentBody, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Ask that an amount be paid or taken back by hand; it is in the book once another person approves.

        Takes a key of a person, and not of the one who is paid.
        """
        by = write.principal.person_id
        await check_payee(write.principal, views, body.person, body.at.date())
        command = body.command()
        return await written(
            write, lambda tx: commands.propose_adjustment(command, by=by, tx=tx), 201
        )

    @router.post(
        "/{adjustment_id}/approve", response_model=AdjustmentAnswer, openapi_extra=dict(_APPROVES)
    )
    async def approve_adjustment(
        adjustment_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Post a proposed adjustment, for good: it is taken back by another one.

        Who proposed it may not, nor who is paid by it; one that is decided is a conflict.
        """
        by = write.principal.person_id
        return await written(
            write, lambda tx: commands.approve_adjustment(adjustment_id, by=by, tx=tx)
        )

    @router.post(
        "/{adjustment_id}/reject", response_model=AdjustmentAnswer, openapi_extra=dict(_APPROVES)
    )
    async def reject_adjustment(
        adjustment_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Turn a proposed adjustment down, also one's own; one that is decided is a conflict."""
        by = write.principal.person_id
        return await written(
            write, lambda tx: commands.reject_adjustment(adjustment_id, by=by, tx=tx)
        )

    return router
