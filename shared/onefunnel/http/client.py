"""Where a request without a caller came from, as far as services may know: no address, and another one every day."""

import hmac
from datetime import date
from hashlib import sha256
from typing import Final

from fastapi import Request

HEADER: Final = "Onefunnel-Client"
_HEX_LENGTH: Final = 2 * sha256().digest_size


def client_digest(address: str, user_agent: str, key: bytes, day: date) -> str:
    """Return what one client is known by on one UTC day; without the key nobody finds the address."""
    place = f"{day.isoformat()}\x1f{address}\x1f{user_agent}"
    return hmac.digest(key, b"onefunnel.client.v1|" + place.encode(), sha256).hex()


def client_of(request: Request) -> bytes | None:
    """Return what the gateway says about a request's client, None if it says nothing."""
    found = request.headers.getlist(HEADER)
    if len(found) != 1 or len(found[0]) != _HEX_LENGTH:
        return None
    try:
        return bytes.fromhex(found[0])
    except ValueError:
        return None
