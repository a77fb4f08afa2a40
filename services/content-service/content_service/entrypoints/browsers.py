"""What the request of a browser says about who sends it."""

from uuid import UUID

from fastapi import Request

from content_service.application.links import Browser
from content_service.domain.viewing import is_machine
from onefunnel.http.client import client_of
from onefunnel.http.principal import HEADER, authenticate

# A page that is fetched ahead, or rendered out of sight, is read by nobody.
_AHEAD = ("sec-purpose", "purpose", "x-moz")
# "Do not track", and its successor "Global Privacy Control".
_UNTRACKED = ("dnt", "sec-gpc")


def browser_of(request: Request, tenant_id: UUID) -> Browser:
    """Read a request about something of a tenant's: every browser says what it is, so who does not is none."""
    headers = request.headers
    agent = headers.get("user-agent")
    ahead = any("prefetch" in headers.get(name, "").lower() for name in _AHEAD)
    return Browser(
        machine=not agent or ahead or is_machine(agent),
        ours=HEADER in headers and authenticate(request).tenant_id == tenant_id,
        untracked=any(headers.get(name) == "1" for name in _UNTRACKED),
        client=client_of(request),
    )
