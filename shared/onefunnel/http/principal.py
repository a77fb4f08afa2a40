"""Who is asking, and with what rights: made by the gateway, signed, and believed by the services.

The header's value is `base64url(json).hmac-sha256`, keyed with the stack's internal key. It lives a
minute: what leaks into a log or a dump soon speaks for nobody.
"""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import Depends, Request

from onefunnel.clock import Clock
from onefunnel.http.problems import Problem
from onefunnel.reach import NO_RIGHTS, Rights, Role

HEADER: Final = "Onefunnel-Principal"
LIFE_S: Final = 60
SKEW_S: Final = 30  # by which the clocks of two hosts may differ
_MAX_HEADER: Final = 1024


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller in one tenant; `person_id` is set where the credential belongs to a person.

    `rights` are those of this one request: without any, nothing that belongs to somebody is there.
    """

    tenant_id: UUID
    principal_id: str
    role: Role
    person_id: UUID | None = None
    rights: Rights = NO_RIGHTS


def sign_principal(principal: Principal, key: bytes, now: datetime) -> str:
    """Return the header's value for `principal`, good for a minute."""
    rights = principal.rights
    claims = {
        "t": str(principal.tenant_id),
        "i": principal.principal_id,
        "r": principal.role,
        "p": str(principal.person_id) if principal.person_id else None,
        "s": sorted(rights.sees),
        "m": sorted(rights.may),
        "k": rights.masked,
        "g": rights.grouped,
        "iat": int(now.timestamp()),
    }
    text = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{text.decode()}.{_mac(text, key)}"


def read_principal(header: str, key: bytes, now: datetime) -> Principal:
    """Return whom the header speaks for; raise `unauthenticated` unless we signed it, just now."""
    principal, signed_at = _read(header, key)
    if not -SKEW_S <= now.timestamp() - signed_at < LIFE_S:
        raise unauthenticated()
    return principal


@lru_cache(maxsize=4096)
def _read(header: str, key: bytes) -> tuple[Principal, int]:
    text, _, mac = header.partition(".")
    signed = len(header) <= _MAX_HEADER and header.isascii()
    if not signed or not hmac.compare_digest(_mac(text.encode(), key), mac):
        raise unauthenticated()
    try:
        claims = json.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError) as error:
        raise unauthenticated() from error
    principal = Principal(
        tenant_id=UUID(claims["t"]),
        principal_id=claims["i"],
        role=claims["r"],
        person_id=UUID(claims["p"]) if claims["p"] else None,
        rights=Rights(frozenset(claims["s"]), frozenset(claims["m"]), claims["k"], claims["g"]),
    )
    return principal, claims["iat"]


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
    state = request.app.state
    clock: Clock = state.clock
    principal = read_principal(headers[0], state.internal_key, clock.now())
    request.scope["onefunnel.principal"] = principal
    return principal


async def current_principal(request: Request) -> Principal:
    """Return whom the request speaks for."""
    known = request.scope.get("onefunnel.principal")
    return cast(Principal, known) if known is not None else authenticate(request)


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def _mac(text: bytes, key: bytes) -> str:
    return hmac.new(key, text, sha256).hexdigest()
