"""Deliveries of connections over HTTP: seen, tried under the mapping of now, told again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from gateway.application import connections as using
from gateway.entrypoints.connection_means import Means
from gateway.entrypoints.connection_schemas import (
    DeliveryList,
    DeliveryView,
    Meant,
    RefusalView,
    delivery_view,
    fault_view,
)
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared
from onefunnel.http.writes import Answer, Write


def add_deliveries(router: APIRouter, means: Means) -> None:
    """Add what is asked about deliveries, and what may be done with one."""
    _add_list(router, means)
    _add_meaning(router, means)
    _add_replay(router, means)


def _add_list(router: APIRouter, means: Means) -> None:
    read_of = means.read_of

    @router.get(
        "/{connection_id}/deliveries",
        response_model=DeliveryList,
        openapi_extra=declared("connection", "read"),
    )
    async def list_deliveries(
        connection_id: Id, page: PageRequest, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """List what came in, newest first, and the last requests that were not believed."""
        last = UUID(str(page.after[0])) if page.after else None

        async def query(conn: Any) -> Any:
            await using.got(means.connections(conn), connection_id)
            return await means.deliveries(conn, None).after(connection_id, last, page.limit + 1)

        rows = await read(query)
        refused = [
            RefusalView(at=one.at, reason=one.reason)
            for one in means.intake.refusals.of(connection_id)
        ]
        listed = page.answer(rows, key=lambda one: [str(one.id)], item=delivery_view)
        return read.answer({**listed, "refused": refused})


def _add_meaning(router: APIRouter, means: Means) -> None:
    read_of = means.read_of

    @router.get(
        "/{connection_id}/deliveries/{delivery_id}/meaning",
        response_model=Meant,
        openapi_extra=declared("connection", "read"),
    )
    async def dry_run_delivery(
        connection_id: Id, delivery_id: Id, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """Show what a stored delivery would become under the mapping of now; nothing happens."""

        async def query(conn: Any) -> Meant:
            found = await using.got(means.connections(conn), connection_id)
            _, _, meaning = await using.meaning_now(
                found, delivery_id, deliveries=means.deliveries(conn, None)
            )
            return Meant(
                status=meaning.status,
                events=[one.model_dump(mode="json", exclude_none=True) for one in meaning.events],
                faults=[fault_view(fault) for fault in meaning.faults],
            )

        return read.answer(await read(query))


def _add_replay(router: APIRouter, means: Means) -> None:
    write_of = means.write_of

    @router.post(
        "/{connection_id}/deliveries/{delivery_id}/replay",
        response_model=DeliveryView,
        openapi_extra=declared("connection", "replay"),
    )
    async def replay_delivery(
        connection_id: Id, delivery_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Tell a stored delivery again, under the mapping of now."""

        async def work(conn: Any, metadata: Any) -> Answer:
            found = await using.got(means.connections(conn), connection_id)
            again = await using.replay(
                found, delivery_id, deliveries=means.deliveries(conn, metadata)
            )
            return Answer(delivery_view(again))

        return await write(work)
