"""What browsers on other people's pages need: to be allowed in, where no key is needed.

Only public operations are open to every origin: what gives the right there is in the path, and no
cookie or key of a browser's could be misused. Everything else is for servers and our own frontends.
"""

from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.application.catalogue import Match
from onefunnel.runtime import Header, ServiceResponse

ANY_ORIGIN: Final[Header] = (b"access-control-allow-origin", b"*")
REMEMBERED_S: Final = 86_400


def preflight(match: Match) -> ASGIApp | None:
    """Return the answer to a browser that asks before it sends, None where it may not send."""
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
