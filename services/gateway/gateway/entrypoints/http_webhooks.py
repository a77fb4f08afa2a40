"""Where CRMs deliver: the raw request is judged, stored and answered; what it says is read afterwards."""

from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from gateway.application.deliveries import StoredDelivery
from gateway.domain.webhooks.cloudevents import handshake
from gateway.domain.webhooks.providers import PROVIDERS, Provider
from gateway.domain.webhooks.request import Received
from gateway.domain.webhooks.salesforce import ACKNOWLEDGED
from gateway.entrypoints.taking_in import Delivered, Intake
from onefunnel.http.incoming import read_body
from onefunnel.http.problems import Problem
from onefunnel.http.routing import declared, routes

MAX_BODY_BYTES: Final = 2 << 20

_PATH: Final = "/v1/webhooks/{provider}/{endpoint_id}"
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "Whatever the vendor sends, of whatever media type, signed as the vendor signs it.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}


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
        trace = request.scope["onefunnel.request_id"]

        def received(known_as: str) -> Received:
            return _received(request, known_as or public_url, body, secret)

        stored = await intake.take(Delivered(provider, endpoint_id, received, trace))
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
        if allowed is None or not await intake.knows(endpoint_id):
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


def _answer(provider: Provider, stored: StoredDelivery) -> Response:
    if provider.media == "xml":
        return Response(ACKNOWLEDGED, provider.status, media_type="text/xml")
    return JSONResponse({"status": stored.status, "delivery_id": str(stored.id)}, provider.status)
