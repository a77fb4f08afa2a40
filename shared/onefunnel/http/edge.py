"""The outermost layer of every application: limits, request ids, headers that every answer carries."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onefunnel.http.problems import Problem, problem_response
from onefunnel.ids import new_id

MAX_HEADER_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 100
MAX_TARGET_BYTES: Final = 8 * 1024

_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_JSON_RANGES: Final = (b"*/*", b"application/*", b"application/json", b"application/problem+json")
# Paths that answer something other than JSON.
_OTHER_MEDIA: Final = ("/docs", "/metrics", "/v1/events", "/v1/exports", "/v1/webhooks")

_MARKS: Final = (b"x-request-id", b"x-content-type-options")
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_NOT_STORED: Final = (b"cache-control", b"private, no-store")


class Edge:
    """ASGI middleware: refuses what no route should ever see and marks every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["onefunnel.request_id"] = _request_id(scope)
        marked = _marking(send, request_id)
        try:
            _check(scope)
        except Problem as problem:
            await problem_response(problem, request_id)(scope, receive, marked)
            return
        await self.app(scope, receive, marked)


def _marking(send: Send, request_id: str) -> Send:
    mark = (b"x-request-id", request_id.encode("ascii"))

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            # One application may stand inside another: what the inner one said of this goes.
            headers = [header for header in message["headers"] if header[0] not in _MARKS]
            headers += (mark, _NO_SNIFFING)
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append(_NOT_STORED)
            message["headers"] = headers
        await send(message)

    return marked


def _request_id(scope: Scope) -> str:
    """Return the caller's id of this request if it is one, else mint one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return str(value, "ascii")
    return str(new_id())


def _check(scope: Scope) -> None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(n) + len(v) for n, v in headers) > MAX_HEADER_BYTES:
        raise Problem("headers-too-large", "The headers are too large.")
    target = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    if target > MAX_TARGET_BYTES:
        raise Problem("uri-too-long", "The URL is too long.")
    if not scope["path"].startswith("/"):
        raise Problem("malformed-request", "The path does not begin with a slash.")
    _check_headers(scope, headers)


def _check_headers(scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise Problem("malformed-request", "The Host header is missing, repeated or malformed.")
    for name, value in headers:
        if b"\0" in value or b"\n" in value or b"\r" in value:
            raise Problem("malformed-request", "A header holds a control character.")
        if name == b"accept" and not _takes_json(value, scope["path"]):
            raise Problem("not-acceptable", "This path answers application/json.")


def _takes_json(accept: bytes, path: str) -> bool:
    if accept == b"*/*" or path == "/" or path.startswith(_OTHER_MEDIA):
        return True
    ranges = (part.partition(b";")[0].strip().lower() for part in accept.split(b","))
    return any(part in _JSON_RANGES for part in ranges)
