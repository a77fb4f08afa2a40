"""Keys: one per person, wrapped by the tenant's, which follows from the installation's master key.

What is sealed is bound to its place: moved to another tenant, person, field or version it does not open.
"""

import hmac
import os
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_TENANTS_KEPT: Final = 1_024


class CannotOpen(Exception):
    """It was altered, moved from its place, or sealed under another key."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The key of one person. Only its wrapped form is ever stored."""

    tenant_id: UUID
    subject_id: UUID
    wrapped: bytes = field(repr=False)
    _cipher: AESGCM = field(repr=False)

    def seal(self, name: str, version: int, content: bytes) -> bytes:
        """Return the content sealed to this person, field and version."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, self._place(name, version))

    def open(self, name: str, version: int, sealed: bytes) -> bytes:
        """Return what was sealed; raise `CannotOpen` if it is not what was sealed there."""
        return _opened(self._cipher, sealed, self._place(name, version))

    def _place(self, name: str, version: int) -> bytes:
        return self.tenant_id.bytes + self.subject_id.bytes + f"|{name}|{version}".encode()


class Keyring:
    """Makes and opens the keys of an installation."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._wrapping = lru_cache(_TENANTS_KEPT)(self._wrapping_of)

    def made(self, tenant_id: UUID, subject_id: UUID) -> SubjectKey:
        """Return a new key."""
        key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
        place = tenant_id.bytes + subject_id.bytes
        wrapped = nonce + self._wrapping(tenant_id).encrypt(nonce, key, place)
        return SubjectKey(tenant_id, subject_id, wrapped, AESGCM(key))

    def opened(self, tenant_id: UUID, subject_id: UUID, wrapped: bytes) -> SubjectKey:
        """Return a key that was stored; raise `CannotOpen` if it is not this person's."""
        place = tenant_id.bytes + subject_id.bytes
        key = _opened(self._wrapping(tenant_id), wrapped, place)
        return SubjectKey(tenant_id, subject_id, wrapped, AESGCM(key))

    def tombstone(self, tenant_id: UUID, address: str) -> bytes:
        """Return what is left of the e-mail address of somebody who was erased.

        It tells only whether an address that comes again is theirs, to whoever has the master key.
        """
        return self._blind(b"tombstone", tenant_id, _normal(address))

    def index(self, tenant_id: UUID, address: str) -> bytes:
        """Return what an e-mail address is found by, under a key that does nothing else."""
        return self._blind(b"index", tenant_id, _normal(address))

    def digest(self, tenant_id: UUID, words: str) -> bytes:
        """Return what equal words are known by, where who compares them need not read them."""
        return self._blind(b"digest", tenant_id, words)

    def _blind(self, purpose: bytes, tenant_id: UUID, words: str) -> bytes:
        return hmac.digest(self._derived(purpose, tenant_id), words.encode(), sha256)

    def _wrapping_of(self, tenant_id: UUID) -> AESGCM:
        return AESGCM(self._derived(b"wrapping", tenant_id))

    def _derived(self, purpose: bytes, tenant_id: UUID) -> bytes:
        info = b"onefunnel.vault.v1|" + purpose + b"|" + tenant_id.bytes
        return hmac.digest(self._master, info, sha256)


def _normal(address: str) -> str:
    return address.strip().casefold()


def _opened(cipher: AESGCM, sealed: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
    except InvalidTag as error:
        raise CannotOpen from error
