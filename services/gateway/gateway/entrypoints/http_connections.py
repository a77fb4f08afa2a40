"""Connections over HTTP: made, read, changed, tried; their secrets are in one answer and in no other."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gateway.application import connections as using
from gateway.domain.connection import Connection
from gateway.domain.webhooks.defaults import DEFAULTS
from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.samples import sample
from gateway.entrypoints.connection_deliveries import add_deliveries
from gateway.entrypoints.connection_means import Means
from gateway.entrypoints.connection_schemas import (
    ConnectionPatch,
    ConnectionView,
    CreatedConnection,
    DeliveryView,
    NewConnection,
    RotateIn,
    delivery_view,
)
from gateway.entrypoints.shown_once import with_secret
from gateway.entrypoints.taking_in import Delivered
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest, list_of
from onefunnel.http.preconditions import IfMatch, check_version
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write


def connection_routes(means: Means) -> APIRouter:
    """Return the routes of connections."""
    router = routes("connections", prefix="/v1/connections")
    write_of = means.write_of

    @router.post(
        "",
        status_code=201,
        response_model=CreatedConnection,
        openapi_extra=declared("connection", "create"),
    )
    async def create_connection(
        body: NewConnection, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Connect a CRM. A secret that is made here is shown this once; a repeat has none."""
        secret: str | None = None

        async def work(conn: Any, _metadata: object) -> Answer:
            nonlocal secret
            connection, made = await using.connect(
                replace(
                    _command(body, url_is_known=bool(means.public_url)),
                    access=means.access(body.provider, body.api),
                ),
                tenant_id=write.principal.tenant_id,
                connections=means.connections(conn),
                seal=means.seal,
                now=means.clock.now(),
            )
            secret = made
            location = f"/v1/connections/{connection.id}"
            return Answer(_once(means.view(connection)), 201, etag=1, location=location)

        return with_secret(await write(work), secret)

    @router.patch(
        "/{connection_id}",
        response_model=ConnectionView,
        openapi_extra=declared("connection", "update"),
    )
    async def update_connection(
        connection_id: Id,
        body: ConnectionPatch,
        seen: IfMatch,
        write: Annotated[Write, Depends(write_of)],
    ) -> Response:
        """Change a connection's name, settings or mapping; a stored delivery can be replayed under it."""

        async def work(conn: Any, _metadata: object) -> Answer:
            known = await using.got(means.connections(conn), connection_id, for_change=True)
            check_version(known.version, seen)
            changed = _changed(known, body)
            if "api" in body.model_fields_set:
                access = means.access(known.provider, body.api)
                changed = replace(changed, access=access, attention=None)
            changed = await using.saved(means.connections(conn), changed)
            return Answer(means.view(changed), etag=changed.version)

        return await write(work)

    _add_reads(router, means)
    _add_switches(router, means)
    _add_trials(router, means)
    add_deliveries(router, means)
    return router


def _add_reads(router: APIRouter, means: Means) -> None:
    read_of = means.read_of

    @router.get("", responses=list_of(ConnectionView), openapi_extra=declared("connection", "read"))
    async def list_connections(
        page: PageRequest, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """List connections, newest first."""
        last = UUID(str(page.after[0])) if page.after else None
        rows = await read(lambda conn: means.connections(conn).after(last, page.limit + 1))
        return read.answer(page.answer(rows, key=lambda one: [str(one.id)], item=means.view))

    @router.get(
        "/{connection_id}",
        response_model=ConnectionView,
        openapi_extra=declared("connection", "read"),
    )
    async def get_connection(
        connection_id: Id, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """Read a connection: its address, its mapping, when its secrets end."""
        found = await read(lambda conn: using.got(means.connections(conn), connection_id))
        return read.answer(means.view(found), etag=found.version)


def _add_switches(router: APIRouter, means: Means) -> None:
    write_of = means.write_of

    async def switched(write: Write, connection_id: UUID, *, pause: bool) -> Response:
        async def work(conn: Any, _metadata: object) -> Answer:
            repository = means.connections(conn)
            known = await using.got(repository, connection_id, for_change=True)
            changed = await using.saved(repository, known.paused(pause=pause))
            return Answer(means.view(changed), etag=changed.version)

        return await write(work)

    @router.post(
        "/{connection_id}/pause",
        response_model=ConnectionView,
        openapi_extra=declared("connection", "update"),
    )
    async def pause_connection(
        connection_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Answer 503 to deliveries until it is resumed, so that the CRM keeps them and tries again."""
        return await switched(write, connection_id, pause=True)

    @router.post(
        "/{connection_id}/resume",
        response_model=ConnectionView,
        openapi_extra=declared("connection", "update"),
    )
    async def resume_connection(
        connection_id: Id, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Take deliveries again."""
        return await switched(write, connection_id, pause=False)


def _add_trials(router: APIRouter, means: Means) -> None:
    write_of, read_of = means.write_of, means.read_of

    @router.post(
        "/{connection_id}/rotate",
        response_model=CreatedConnection,
        openapi_extra=declared("connection", "update"),
    )
    async def rotate_connection_secret(
        connection_id: Id, body: RotateIn, write: Annotated[Write, Depends(write_of)]
    ) -> Response:
        """Put a new secret in force; the one before is believed until the overlap ends."""
        secret: str | None = None

        async def work(conn: Any, _metadata: object) -> Answer:
            nonlocal secret
            changed, made = await using.rotate(
                connection_id,
                body.secret,
                timedelta(hours=body.overlap_hours),
                connections=means.connections(conn),
                seal=means.seal,
                now=means.clock.now(),
            )
            secret = made
            return Answer(_once(means.view(changed)), etag=changed.version)

        return with_secret(await write(work), secret)

    @router.post(
        "/{connection_id}/test",
        response_model=DeliveryView,
        openapi_extra=declared("connection", "update", unkeyed=True),
    )
    async def test_connection(
        connection_id: Id, request: Request, read: Annotated[Read, Depends(read_of)]
    ) -> Response:
        """Sign a delivery as the CRM would and send it in by the real way; it tells of no record."""
        found = await read(lambda conn: using.got(means.connections(conn), connection_id))
        now = means.clock.now()
        newest = found.live_secrets(now)[0]
        secret = means.seal.open(newest.sealed, newest.id).decode()
        received = sample(found, secret, means.view(found).url, now)
        trace = request.scope["onefunnel.request_id"]
        stored = await means.intake.try_out(
            found.tenant_id,
            Delivered(PROVIDERS[found.provider], found.endpoint_id, lambda _: received, trace),
        )
        assert stored is not None, "every test has an id of its own"
        return read.answer(delivery_view(stored))


def _command(body: NewConnection, *, url_is_known: bool) -> using.Connect:
    default = DEFAULTS[body.provider]
    return using.Connect(
        provider=body.provider,
        name=body.name,
        source=body.source or body.provider,
        mapping=body.mapping.over(default) if body.mapping else dict(default),
        secret=body.secret,
        public_url=body.public_url or "",
        settings=body.settings,
        url_is_known=url_is_known,
    )


def _changed(known: Connection, body: ConnectionPatch) -> Connection:
    given: dict[str, Any] = {
        name: value
        for name in ("name", "public_url", "settings")
        if (value := getattr(body, name)) is not None
    }
    if body.mapping is not None:
        given["mapping"] = body.mapping.over(known.mapping)
    return replace(known, **given)


def _once(view: ConnectionView) -> CreatedConnection:
    return CreatedConnection(**view.model_dump(), secret=None)
