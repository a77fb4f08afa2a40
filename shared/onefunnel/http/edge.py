"""The outermost layer of every application: limits, request ids, headers that every answer carries."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onefunnel import telemetry, tracing
from onefunnel.http.accepting import ANYTHING, accept_of, weight
from onefunnel.http.observing import NO_ROUTE, ROUTE, Observed
from onefunnel.http.problems import Problem, problem_response
from onefunnel.ids import new_id

MAX_HEADER_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 100
MAX_TARGET_BYTES: Final = 8 * 1024

_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_JSON: Final = ("application/json", "application/problem+json")
# Paths that answer something other than JSON, and those that answer whoever comes: a CRM, a collector.
_MEDIA_OF: Final = {"/docs": ("text/html",), "/v1/events": ("text/event-stream",)}
_WHATEVER: Final = ("/metrics", "/v1/webhooks/")

REQUEST_ID: Final = "onefunnel.request_id"  # both in the scope
CORRELATION_ID: Final = "onefunnel.correlation_id"

_MARKS: Final = (b"x-request-id", b"x-content-type-options")
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_NOT_STORED: Final = (b"cache-control", b"private, no-store")


class Edge:
    """ASGI middleware: refuses what no route should ever see, marks and measures every answer."""

    def __init__(self, app: ASGIApp, service: str, *, also: Iterable[str] = ()) -> None:
        """Take `also`, media types beside JSON that the application itself judges."""
        self.app = app
        self._service = service
        self._media = (*_JSON, *also)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if REQUEST_ID in scope:  # one application stands inside another, which measures
            await self._answer(scope, receive, send)
            return
        scope[REQUEST_ID] = _header(scope, b"x-request-id") or str(new_id())
        scope[CORRELATION_ID] = _header(scope, b"x-correlation-id") or scope[REQUEST_ID]
        observed = Observed(scope, self._service)
        with (
            tracing.request(scope, self._service) as trace_id,
            telemetry.bound(self._service, scope[CORRELATION_ID], trace_id),
        ):
            try:
                await self._answer(scope, receive, send, observed)
            finally:
                tracing.answered(observed.status, scope.get(ROUTE, NO_ROUTE), scope["method"])
                observed.ended()

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, observed: Observed | None = None
    ) -> None:
        marked = _marking(send, scope[REQUEST_ID], observed)
        try:
            _check(scope, self._media)
        except Problem as problem:
            await problem_response(problem, scope[REQUEST_ID])(scope, receive, marked)
            return
        await self.app(scope, receive, marked)


def _marking(send: Send, request_id: str, observed: Observed | None) -> Send:
    mark = (b"x-request-id", request_id.encode("ascii"))

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            if observed is not None:
                observed.status = message["status"]
            # One application may stand inside another: what the inner one said of this goes.
            headers = [header for header in message["headers"] if header[0] not in _MARKS]
            headers += (mark, _NO_SNIFFING)
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(_NOT_STORED)
            message["headers"] = headers
        await send(message)

    return marked


def _header(scope: Scope, wanted: bytes) -> str | None:
    """Return the caller's id of that name if it is one."""
    for name, value in scope["headers"]:
        if name == wanted and _ID.fullmatch(value):
            return str(value, "ascii")
    return None


def _check(scope: Scope, media: Sequence[str]) -> None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(n) + len(v) for n, v in headers) > MAX_HEADER_BYTES:
        raise Problem("headers-too-large", "The headers are too large.")
    target = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    if target > MAX_TARGET_BYTES:
        raise Problem("uri-too-long", "The URL is too long.")
    if not scope["path"].startswith("/"):
        raise Problem("malformed-request", "The path does not begin with a slash.")
    _check_headers(scope, headers, media)


def _check_headers(scope: Scope, headers: list[tuple[bytes, bytes]], media: Sequence[str]) -> None:
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise Problem("malformed-request", "The Host header is missing, repeated or malformed.")
    for _, value in headers:
        if b"\0" in value or b"\n" in value or b"\r" in value:
            raise Problem("malformed-request", "A header holds a control character.")
    _check_accept(accept_of(headers), scope["path"], media)


def _check_accept(accept: str, path: str, media: Sequence[str]) -> None:
    if accept == ANYTHING or path == "/" or path.startswith(_WHATEVER):
        return
    answered = _MEDIA_OF.get(path, media)
    if not any(weight(accept, one) for one in answered):
        raise Problem("not-acceptable", f"This path answers {answered[0]}.")
