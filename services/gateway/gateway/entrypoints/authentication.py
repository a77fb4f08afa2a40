"""From a credential to a caller: the key is looked up once and remembered for a few seconds."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final
from uuid import UUID

from gateway.application.ports import KeyStore
from gateway.domain.api_key import ApiKey, presented
from onefunnel.clock import Clock
from onefunnel.http.principal import HEADER, Principal, sign_principal, unauthenticated
from onefunnel.reach import Rights
from onefunnel.runtime import Header

# A revoked key keeps its power at most so long in a process that did not revoke it.
REMEMBERED_S: Final = 3.0
MAX_REMEMBERED: Final = 4096

PRINCIPAL_HEADER: Final = HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, and the signed headers that make the services believe it."""

    principal: Principal
    header: Header
    forget_at: float
    # Signed once for each kind of rights, of which a role has a handful; forgotten with the caller.
    headers: dict[Rights, Header] = field(default_factory=dict)


class Doorkeeper:
    """Turns API keys into callers."""

    def __init__(self, store: KeyStore, clock: Clock, internal_key: bytes) -> None:
        self._store = store
        self._clock = clock
        self._internal_key = internal_key
        self._callers: OrderedDict[bytes, Caller] = OrderedDict()

    async def caller(self, headers: Sequence[Header]) -> Caller:
        """Return who sent these headers; raise `unauthenticated` for anyone we do not know."""
        text = _credential(headers)
        digest = sha256(text).digest()
        known = self._callers.get(digest)
        if known is not None and known.forget_at > asyncio.get_running_loop().time():
            return known
        return await self._looked_up(text, digest)

    def forget(self, key_id: UUID) -> None:
        """Stop remembering a key that was just revoked."""
        name = _principal_id(key_id)
        gone = [d for d, c in self._callers.items() if c.principal.principal_id == name]
        for digest in gone:
            del self._callers[digest]

    def speaking(self, caller: Caller, rights: Rights) -> Header:
        """Return the header that speaks for a caller with the rights of one request."""
        header = caller.headers.get(rights)
        if header is None:
            header = self.signed(replace(caller.principal, rights=rights))
            caller.headers[rights] = header
        return header

    def signed(self, principal: Principal) -> Header:
        """Return the header that speaks for `principal`, for a minute from now."""
        text = sign_principal(principal, self._internal_key, self._clock.now())
        return PRINCIPAL_HEADER, text.encode()

    async def _looked_up(self, text: bytes, digest: bytes) -> Caller:
        self._callers.pop(digest, None)
        sent = presented(text.decode("ascii", "replace"))
        key = await self._store.find(sent.id) if sent else None
        now = self._clock.now()
        if sent is None or key is None or not key.admits(sent, now):
            raise unauthenticated()
        left_s = (key.expires_at - now).total_seconds() if key.expires_at else REMEMBERED_S
        principal = principal_of(key)
        caller = Caller(
            principal,
            self.signed(principal),
            asyncio.get_running_loop().time() + min(REMEMBERED_S, left_s),
        )
        self._remember(digest, caller)
        return caller

    def _remember(self, digest: bytes, caller: Caller) -> None:
        self._callers[digest] = caller
        if len(self._callers) > MAX_REMEMBERED:
            self._callers.popitem(last=False)


def principal_of(key: ApiKey) -> Principal:
    """Return whom a key speaks for."""
    return Principal(key.tenant_id, _principal_id(key.id), key.role, key.person_id)


def _principal_id(key_id: UUID) -> str:
    return f"key:{key_id}"


def _credential(headers: Sequence[Header]) -> bytes:
    """Return the one credential of a request; none and two are the same refusal."""
    found: list[bytes] = []
    for name, value in headers:
        if name == b"authorization":
            scheme, _, text = value.partition(b" ")
            found.append(text if scheme.lower() == b"bearer" else b"")
        elif name == b"x-api-key":
            found.append(value)
    if len(found) != 1:
        raise unauthenticated()
    return found[0]
