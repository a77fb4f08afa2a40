"""What browsers need: to be allowed in by an answer that says so.

Public operations are open to every origin: what gives the right there is in the path, and no cookie
or key of a browser's could be misused. Everything else is for servers, and for frontends whose origins
are configured; credentials of a browser's own are never asked for, because a key is sent in a header.
"""

import re
from collections.abc import Iterable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from gateway.application.catalogue import Match
from onefunnel.runtime import Header, ServiceResponse

ANY_ORIGIN: Final[Header] = (b"access-control-allow-origin", b"*")
_VARIES: Final[Header] = (b"vary", b"Origin")
REMEMBERED_S: Final = 86_400
FRONTEND_REMEMBERED_S: Final = 600

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")
_SENT: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID,"
    " Traceparent, Wait-For, X-API-Key, X-Correlation-Id, X-Request-Id"
)
_SHOWN: Final = (
    b"Content-Disposition, ETag, Event-Id, Idempotent-Replayed, Location, RateLimit,"
    b" RateLimit-Policy, Retry-After, X-Request-Id"
)


class BadOrigin(ValueError):
    """An origin is configured that no browser would send, or one that stands for all."""


class Frontends:
    """The origins of pages that may use the API with a key."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(_checked(origin) for origin in origins)

    def headers(self, scope: Scope) -> tuple[Header, ...]:
        """Return what lets the page that asked read the answer; nothing for any other."""
        if not self._origins:
            return ()
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        if origin is None or origin not in self._origins:
            return (_VARIES,)
        return (
            _VARIES,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _SHOWN),
        )

    def preflight(self, scope: Scope, match: Match) -> ASGIApp | None:
        """Return the answer to one of these pages that asks before it sends, None for any other."""
        if len(self.headers(scope)) < 2:
            return None
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": ", ".join(sorted(match.operations)),
                "Access-Control-Allow-Headers": _SENT,
                "Access-Control-Max-Age": str(FRONTEND_REMEMBERED_S),
            },
        )


def _checked(origin: str) -> bytes:
    if not _ORIGIN.fullmatch(origin):
        raise BadOrigin(f"{origin!r} is no origin such as https://app.example.com")
    return origin.encode()


def preflight(match: Match) -> ASGIApp | None:
    """Return the answer to any page that asks before it sends, None where it may not send."""
    methods = sorted(method for method, found in match.operations.items() if found.public)
    if not methods:
        return None
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": str(REMEMBERED_S),
        },
    )


def readable(response: ServiceResponse) -> ServiceResponse:
    """Let the page that asked read the answer."""
    return response._replace(headers=[*response.headers, ANY_ORIGIN])
