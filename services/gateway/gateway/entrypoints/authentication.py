"""From a credential to a caller: the key is looked up once and remembered for a few seconds."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog

from gateway.application.ports import KeyStore, KeysUnavailable, Tokens, UserStore
from gateway.domain.api_key import NOBODYS, ApiKey, presented
from gateway.domain.token import LEEWAY_S, BadToken, Identity
from onefunnel.clock import Clock
from onefunnel.http.principal import HEADER, Principal, sign_principal, unauthenticated
from onefunnel.http.problems import Problem
from onefunnel.reach import Rights
from onefunnel.runtime import Header

# A revoked key keeps its power at most so long in a process that did not revoke it.
REMEMBERED_S: Final = 3.0
MAX_REMEMBERED: Final = 4096

_log = structlog.get_logger("gateway.authentication")

PRINCIPAL_HEADER: Final = HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, and the signed headers that make the services believe it."""

    principal: Principal
    header: Header
    forget_at: float
    # Signed once for each kind of rights, of which a role has a handful; forgotten with the caller.
    headers: dict[Rights, Header] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider whose tokens are taken beside API keys."""

    tokens: Tokens
    users: UserStore


class Doorkeeper:
    """Turns API keys, and tokens of an identity provider where there is one, into callers."""

    def __init__(
        self, store: KeyStore, clock: Clock, internal_key: bytes, provider: Provider | None = None
    ) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._internal_key = internal_key
        self._callers: OrderedDict[bytes, Caller] = OrderedDict()

    async def caller(self, headers: Sequence[Header]) -> Caller:
        """Return who sent these headers; raise `unauthenticated` for anyone we do not know."""
        text, bearer = _credential(headers)
        digest = sha256(text).digest()
        known = self._callers.get(digest)
        if known is not None and known.forget_at > asyncio.get_running_loop().time():
            return known
        self._callers.pop(digest, None)
        token = self._provider is not None and bearer and text.count(b".") > 0
        principal, left_s = await (self._spoken_for(text) if token else self._looked_up(text))
        remembered_s = min(REMEMBERED_S, left_s)
        until = asyncio.get_running_loop().time() + remembered_s
        caller = Caller(principal, self.signed(principal), until)
        self._remember(digest, caller)
        return caller

    def forget(self, key_id: UUID) -> None:
        """Stop remembering a key that was just revoked."""
        self._forget(lambda principal: principal.principal_id == _principal_id(key_id))

    def forget_user(self, tenant_id: UUID, subject: str) -> None:
        """Stop remembering a user of whom something else is said now."""
        whose = (tenant_id, _user_id(subject))
        self._forget(lambda principal: (principal.tenant_id, principal.principal_id) == whose)

    def _forget(self, gone: Callable[[Principal], bool]) -> None:
        for digest in [d for d, c in self._callers.items() if gone(c.principal)]:
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

    async def _looked_up(self, text: bytes) -> tuple[Principal, float]:
        """Return whom a key speaks for, and for how many seconds yet."""
        sent = presented(text.decode("ascii", "replace"))
        if sent is None:
            raise unauthenticated()
        key = await self._store.find(sent.id) or NOBODYS
        now = self._clock.now()
        if not key.admits(sent, now):
            raise unauthenticated()
        left_s = (key.expires_at - now).total_seconds() if key.expires_at else REMEMBERED_S
        return principal_of(key), left_s

    async def _spoken_for(self, text: bytes) -> tuple[Principal, float]:
        """Return whom a token speaks for, and for how many seconds yet."""
        assert self._provider is not None, "asked for only where there is one"
        try:
            identity = await self._provider.tokens.verify(text.decode("ascii", "replace"))
        except BadToken as error:
            _log.info("token.refused", reason=str(error))
            raise unauthenticated() from error
        except KeysUnavailable as error:
            detail = "The identity provider cannot be reached; API keys go on working."
            raise Problem("dependency-unavailable", detail) from error
        user = await self._provider.users.find(identity.tenant_id, identity.subject)
        if user is None or not user.admits(identity):
            raise unauthenticated()
        left_s = identity.expires_at + LEEWAY_S - self._clock.now().timestamp()
        return _user_principal(identity), left_s

    def _remember(self, digest: bytes, caller: Caller) -> None:
        self._callers[digest] = caller
        if len(self._callers) > MAX_REMEMBERED:
            self._callers.popitem(last=False)


def principal_of(key: ApiKey) -> Principal:
    """Return whom a key speaks for."""
    return Principal(key.tenant_id, _principal_id(key.id), key.role, key.person_id)


def _user_principal(identity: Identity) -> Principal:
    name = _user_id(identity.subject)
    return Principal(identity.tenant_id, name, identity.role, identity.person_id)


def _user_id(subject: str) -> str:
    return f"user:{subject}"


def _principal_id(key_id: UUID) -> str:
    return f"key:{key_id}"


def _credential(headers: Sequence[Header]) -> tuple[bytes, bool]:
    """Return the one credential of a request, and whether it bears; none and two are the same refusal."""
    found: list[tuple[bytes, bool]] = []
    for name, value in headers:
        if name == b"authorization":
            scheme, _, text = value.partition(b" ")
            found.append((text if scheme.lower() == b"bearer" else b"", True))
        elif name == b"x-api-key":
            found.append((value, False))
    if len(found) != 1:
        raise unauthenticated()
    return found[0]
