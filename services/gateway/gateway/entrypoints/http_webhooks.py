"""Where CRMs deliver: the raw request is judged, stored and answered; what it says is read afterwards."""

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from gateway.application.deliveries import Status, StoredDelivery
from gateway.domain.webhooks.cloudevents import handshake
from gateway.domain.webhooks.providers import PROVIDERS, Provider
from gateway.domain.webhooks.request import Received
from gateway.domain.webhooks.salesforce import ACKNOWLEDGED
from gateway.entrypoints.taking_in import Delivered, Intake
from onefunnel.http.bodies import Shown
from onefunnel.http.incoming import read_body
from onefunnel.http.problems import Problem
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import to_json

MAX_BODY_BYTES: Final = 2 << 20

_PATH: Final = "/v1/webhooks/{provider}/{endpoint_id}"


class Acknowledged(Shown):
    """What a CRM hears of its delivery: it need not send it again."""

    status: Annotated[Status, Field(description="`stored`: it is read afterwards.")]
    delivery_id: UUID


_XML: Final = {"schema": {"type": "string"}, "example": ACKNOWLEDGED}  # what Salesforce waits for
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": Acknowledged, "description": "It is stored.", "content": {"text/xml": _XML}},
    202: {"model": Acknowledged, "description": "It is stored; so CloudEvents are answered."},
}
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
        responses=_ANSWERS,
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
        responses=_ANSWERS,
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
    said = to_json(Acknowledged(status=stored.status, delivery_id=stored.id))
    return Response(said, provider.status, media_type="application/json")
