"""Reconciliations over HTTP: begun when somebody asks, and read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from gateway.application import connections as using
from gateway.application.connections import Connections
from gateway.application.reconciling import begin
from gateway.application.runs import Runs
from gateway.entrypoints.reconciliation_schemas import (
    ReconcileIn,
    ReconciliationView,
    reconciliation_view,
)
from onefunnel.clock import Clock
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest, list_of
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write


@dataclass(frozen=True)
class Reconciling:
    """What these routes work with."""

    write_of: Callable[..., Awaitable[Write]]
    read_of: Callable[..., Awaitable[Read]]
    connections: Callable[[Any], Connections]
    runs: Callable[[Any, UUID], Runs]
    clock: Clock


def reconciliation_routes(means: Reconciling) -> APIRouter:
    """Return the routes of reconciliations."""
    router = routes("connections", prefix="/v1/connections")
    write_of, read_of = means.write_of, means.read_of

    @router.post(
        "/{connection_id}/reconcile",
        status_code=202,
        response_model=ReconciliationView,
        openapi_extra=declared("connection", "update"),
    )
    async def reconcile_connection(
        connection_id: Id, body: ReconcileIn, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Compare the CRM with us now: what was missed is told on, what differs is reported."""

        async def work(conn: Any, _metadata: object) -> Answer:
            found = await using.got(means.connections(conn), connection_id, for_change=True)
            runs = means.runs(conn, write.principal.tenant_id)
            run = await begin(found, "asked", runs=runs, now=means.clock.now(), since=body.since)
            location = f"/v1/connections/{connection_id}/reconciliations"
            return Answer(reconciliation_view(run), 202, location=location)

        return await write(work)

    @router.get(
        "/{connection_id}/reconciliations",
        responses=list_of(ReconciliationView),
        openapi_extra=declared("connection", "read"),
    )
    async def list_connection_reconciliations(
        connection_id: Id, page: PageRequest, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """List comparisons of the CRM with us, newest first: what was missed, and what differs."""
        last = UUID(str(page.after[0])) if page.after else None

        async def query(conn: Any) -> Any:
            await using.got(means.connections(conn), connection_id)
            runs = means.runs(conn, read.principal.tenant_id)
            return await runs.after(connection_id, last, page.limit + 1)

        rows = await read(query)
        return read.answer(
            page.answer(rows, key=lambda run: [str(run.id)], item=reconciliation_view)
        )

    return router
