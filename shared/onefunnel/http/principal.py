"""Who is asking: made by the gateway from a credential, signed, and believed by the services.

The header's value is `base64url(json).hmac-sha256`, keyed with the stack's internal key.
"""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final, Literal, cast, get_args
from uuid import UUID

from fastapi import Depends, Request

from onefunnel.http.problems import Problem

# `admin` is the owner of the tenant.
Role = Literal[
    "rep", "marketer", "manager", "executive", "comp_admin", "auditor", "integration", "admin"
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

HEADER: Final = "Onefunnel-Principal"
_MAX_HEADER: Final = 1024


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller in one tenant; `person_id` is set where the credential belongs to a person."""

    tenant_id: UUID
    principal_id: str
    role: Role
    person_id: UUID | None = None


def sign_principal(principal: Principal, key: bytes) -> str:
    """Return the header's value for `principal`."""
    claims = {
        "t": str(principal.tenant_id),
        "i": principal.principal_id,
        "r": principal.role,
        "p": str(principal.person_id) if principal.person_id else None,
    }
    text = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{text.decode()}.{_mac(text, key)}"


@lru_cache(maxsize=4096)
def read_principal(header: str, key: bytes) -> Principal:
    """Return whom the header speaks for; raise `unauthenticated` unless we signed it ourselves."""
    text, _, mac = header.partition(".")
    signed = len(header) <= _MAX_HEADER and header.isascii()
    if not signed or not hmac.compare_digest(_mac(text.encode(), key), mac):
        raise unauthenticated()
    try:
        claims = json.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError) as error:
        raise unauthenticated() from error
    return Principal(
        tenant_id=UUID(claims["t"]),
        principal_id=claims["i"],
        role=claims["r"],
        person_id=UUID(claims["p"]) if claims["p"] else None,
    )


def unauthenticated() -> Problem:
    """Return the one answer to a missing, malformed or wrong credential."""
    return Problem(
        "unauthenticated",
        "Send a valid API key: Authorization: Bearer <key>, or X-API-Key: <key>.",
        headers={"WWW-Authenticate": 'Bearer realm="onefunnel"'},
    )


def authenticate(request: Request) -> Principal:
    """Read the principal header once per request and remember the answer in the request."""
    headers = request.headers.getlist(HEADER)
    if len(headers) != 1:
        raise unauthenticated()
    principal = read_principal(headers[0], request.app.state.internal_key)
    request.scope["onefunnel.principal"] = principal
    return principal


async def current_principal(request: Request) -> Principal:
    """Return whom the request speaks for."""
    known = request.scope.get("onefunnel.principal")
    return cast(Principal, known) if known is not None else authenticate(request)


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def _mac(text: bytes, key: bytes) -> str:
    return hmac.new(key, text, sha256).hexdigest()
