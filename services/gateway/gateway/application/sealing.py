"""Secrets and raw deliveries at rest: sealed with a key that follows from the installation's own."""

import secrets
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"onefunnel.gateway.connections.v1"


class CannotOpen(Exception):
    """What was sealed was changed, belongs to another row, or was sealed under another key."""


class Seal:
    """Seals bytes to a row: moved to another row they do not open."""

    def __init__(self, internal_key: bytes) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(internal_key)
        self._cipher = AESGCM(key)

    def close(self, content: bytes, row: UUID) -> bytes:
        """Return the sealed content."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, row.bytes)

    def open(self, sealed: bytes, row: UUID) -> bytes:
        """Return the content; raise `CannotOpen` if it is not what was sealed to this row."""
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, content, row.bytes)
        except InvalidTag as error:
            raise CannotOpen from error
