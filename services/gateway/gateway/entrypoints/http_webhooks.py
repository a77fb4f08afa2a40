"""Where CRMs deliver: the raw request is judged, stored and answered; nothing here waits for anybody."""

from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from gateway.application.deliveries import Arrived, Deliveries, StoredDelivery, take_in
from gateway.application.intake import Endpoints, Refusals, arrived, judged
from gateway.application.sealing import Seal
from gateway.domain.connection import Connection
from gateway.domain.webhooks.cloudevents import handshake
from gateway.domain.webhooks.providers import PROVIDERS, Provider
from gateway.domain.webhooks.reading import Unreadable
from gateway.domain.webhooks.request import Received
from gateway.domain.webhooks.salesforce import ACKNOWLEDGED
from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.events.envelope import Metadata
from onefunnel.http.incoming import read_body
from onefunnel.http.problems import Problem
from onefunnel.http.routing import declared, routes
from onefunnel.http.strict_json import guard
from onefunnel.http.writes import TenantDatabase

MAX_BODY_BYTES: Final = 2 << 20
SOURCE: Final = "/services/gateway"
SYSTEM: Final = "system:gateway"
PAUSED_RETRY_S: Final = 60

_PATH: Final = "/v1/webhooks/{provider}/{endpoint_id}"
_JSON: Final = frozenset({"", "application/json", "text/json"})
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "Whatever the vendor sends, of whatever media type, signed as the vendor signs it.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}

_log = telemetry.log("webhooks")

DeliveriesOf = Callable[[AsyncConnection, Metadata], Deliveries]


class Waking(Protocol):
    """Says that something was committed to the outbox."""

    def __call__(self) -> None:
        """Say it."""
        ...


class Intake:
    """Takes deliveries in, whether a CRM sent them or we tried one ourselves."""

    def __init__(
        self,
        endpoints: Endpoints,
        database: TenantDatabase,
        deliveries: DeliveriesOf,
        seal: Seal,
        clock: Clock,
        wake: Waking,
    ) -> None:
        self.refusals = Refusals()
        self._endpoints = endpoints
        self._database = database
        self._deliveries = deliveries
        self._seal = seal
        self._clock = clock
        self._wake = wake

    async def connection(self, endpoint_id: str) -> Connection | None:
        """Return the connection behind an endpoint."""
        return await self._endpoints.find(endpoint_id)

    async def take(
        self, provider: Provider, connection: Connection | None, received: Received, trace: str
    ) -> StoredDelivery | None:
        """Judge, read and store a request; None if all of it came before. Raises `Problem`."""
        now = self._clock.now()
        verdict = judged(provider, connection, received, self._seal, now)
        if connection is None or not verdict.genuine:
            self._note_refusal(connection, verdict.reason or "")
            raise Problem("invalid-signature", "Sign the raw body with the current secret.")
        if connection.state == "paused":
            raise Problem(
                "dependency-unavailable",
                "The connection is paused.",
                headers={"Retry-After": str(PAUSED_RETRY_S)},
            )
        _check_media(provider, received)
        try:
            found = arrived(connection, received, now, verdict)
        except Unreadable as error:
            self._note_refusal(connection, "unreadable")
            raise Problem(
                "validation-failed", f"This is not what this CRM sends: {error}."
            ) from error
        return await self._kept(found, trace)

    async def _kept(self, found: Arrived, trace: str) -> StoredDelivery | None:
        connection = found.connection
        metadata = Metadata(connection.tenant_id, SOURCE, SYSTEM, trace, found.received_at)
        async with self._database.tenant(connection.tenant_id) as conn:
            stored = await take_in(found, deliveries=self._deliveries(conn, metadata))
        self._wake()
        _log.info(
            "webhook.stored" if stored else "webhook.duplicate",
            provider=connection.provider,
            connection_id=str(connection.id),
            secret_id=str(found.secret_id),
        )
        return stored

    def _note_refusal(self, connection: Connection | None, reason: str) -> None:
        _log.warning("webhook.refused", reason=reason)
        if connection is not None:
            self.refusals.note(connection.id, self._clock.now(), reason)


def webhook_routes(intake: Intake, public_url: str) -> APIRouter:
    """Return the routes that CRMs call."""
    router = routes("webhooks")

    async def delivered(
        request: Request, name: str, endpoint_id: str, secret: str | None
    ) -> Response:
        provider = PROVIDERS.get(name)
        if provider is None:
            raise Problem("not-found", "There is nothing at this path.")
        length = request.headers.get("content-length")
        body = await read_body(request.receive, length, MAX_BODY_BYTES)
        connection = await intake.connection(endpoint_id)
        known_as = (connection.public_url if connection else "") or public_url
        received = _received(request, known_as, body, secret)
        stored = await intake.take(
            provider, connection, received, request.scope["onefunnel.request_id"]
        )
        return _answer(provider, stored)

    @router.post(
        _PATH,
        openapi_extra={
            **declared("webhook", "deliver", max_body_bytes=MAX_BODY_BYTES, public=True, raw=True),
            **_BODY,
        },
    )
    async def deliver_webhook(request: Request, provider: str, endpoint_id: str) -> Response:
        """Take in what a CRM sends. Stored before it is answered; the same again changes nothing."""
        return await delivered(request, provider, endpoint_id, None)

    @router.post(
        _PATH + "/{secret}",
        openapi_extra={
            **declared("webhook", "deliver", max_body_bytes=MAX_BODY_BYTES, public=True, raw=True),
            **_BODY,
        },
    )
    async def deliver_webhook_with_secret(
        request: Request, provider: str, endpoint_id: str, secret: str
    ) -> Response:
        """Take in what a CRM sends that cannot sign: its secret is in the path."""
        return await delivered(request, provider, endpoint_id, secret)

    @router.options(
        _PATH,
        include_in_schema=False,
        openapi_extra=declared("webhook", "deliver", public=True, raw=True),
    )
    async def ask_first(request: Request, provider: str, endpoint_id: str) -> Response:
        known = PROVIDERS.get(provider)
        allowed = handshake(dict(request.headers.items())) if known and known.asks_first else None
        if allowed is None or await intake.connection(endpoint_id) is None:
            raise Problem("not-found", "There is nothing at this path.")
        return Response(status_code=200, headers=allowed)

    return router


def _received(request: Request, public_url: str, body: bytes, secret: str | None) -> Received:
    scope = request.scope
    query = scope["query_string"].decode("latin-1")
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        known = headers.get(name.decode("latin-1"))
        # Of a header that comes twice nobody can say which one was meant: joined, it matches nothing.
        headers[name.decode("latin-1")] = text if known is None else f"{known},{text}"
    return Received(
        method=request.method,
        url=f"{public_url.rstrip('/')}{path}{'?' if query else ''}{query}",
        headers=headers,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        body=body,
        path_secret=secret,
    )


def _check_media(provider: Provider, received: Received) -> None:
    if received.headers.get("content-encoding", "identity") != "identity":
        raise Problem("unsupported-encoding", "Send the body without Content-Encoding.")
    media, _, parameters = received.headers.get("content-type", "").partition(";")
    kind = media.strip().lower()
    if provider.media == "xml":
        if kind not in {"text/xml", "application/xml", "application/soap+xml"}:
            raise Problem("unsupported-media-type", "Send Content-Type: text/xml.")
        return
    charset = parameters.strip().lower().replace('"', "")
    if (kind not in _JSON and not kind.endswith("+json")) or charset not in {"", "charset=utf-8"}:
        raise Problem("unsupported-media-type", "Send Content-Type: application/json, in UTF-8.")
    guard(received.body)


def _answer(provider: Provider, stored: StoredDelivery | None) -> Response:
    if provider.media == "xml":
        return Response(ACKNOWLEDGED, provider.status, media_type="text/xml")
    body: dict[str, Any] = {"status": stored.status if stored else "duplicate"}
    if stored is not None:
        body["delivery_id"] = str(stored.id)
    return JSONResponse(body, provider.status)
