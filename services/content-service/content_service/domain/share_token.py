"""The token of a share: whoever holds it may open that one version, and nothing else.

It begins with the tenant's id, so that a request without any other credential finds its tenant; what
makes it a right is the secret behind. Only its hash is kept.
"""

import base64
import binascii
from hashlib import sha256
from uuid import UUID

SECRET_BYTES = 24
TOKEN_LENGTH = 4 * -(-(16 + SECRET_BYTES) // 3)  # padded to 42 bytes, so that no `=` is needed
_PADDING = b"\0\0"


def token_of(tenant_id: UUID, secret: bytes) -> str:
    """Return the token with this secret, safe in a URL."""
    assert len(secret) == SECRET_BYTES
    return base64.urlsafe_b64encode(tenant_id.bytes + secret + _PADDING).decode()


def tenant_of(token: str) -> UUID | None:
    """Return whose token this would be, None if it cannot be one."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return UUID(bytes=raw[:16])


def digest_of(token: str) -> bytes:
    """Return what is kept of a token; 192 random bits need no slow hash."""
    return sha256(token.encode()).digest()
