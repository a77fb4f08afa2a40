"""Tokens of an identity provider: the one function that believes them."""

import base64
import re
from typing import Any, Final

import orjson
from joserfc.jws import JWSRegistry

from gateway.adapters.jwks import ProviderKeys
from gateway.domain.token import BadToken, Identity, TokenRules, identity_of
from onefunnel.clock import Clock
from onefunnel.http.problems import Problem
from onefunnel.http.strict_json import guard

MAX_TOKEN: Final = 8 * 1024
MAX_KID: Final = 200

_PART: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
# All that a header may say. What names a key or a place of one (`jwk`, `jku`, `x5u` …) or asks for an
# extension (`crit`, `b64`) is not ignored: it is not taken.
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_TYPES: Final = frozenset({"JWT", "jwt", "at+jwt", "application/at+jwt"})


class TokenVerifier:
    """Verifies tokens by the keys of one provider and the rules of one installation."""

    def __init__(self, keys: ProviderKeys, rules: TokenRules, clock: Clock) -> None:
        self._keys = keys
        self._rules = rules
        self._clock = clock

    async def verify(self, token: str) -> Identity:
        """Return whom a token speaks for; raise `BadToken`, or `KeysUnavailable` while nobody can tell."""
        if len(token) > MAX_TOKEN:
            raise BadToken("size")
        parts = token.split(".")
        if len(parts) != 3:
            raise BadToken("parts")
        header = _document(parts[0])
        kid = header.get("kid")
        if not header.keys() <= _HEADER or header.get("typ", "JWT") not in _TYPES:
            raise BadToken("header")
        if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
            raise BadToken("kid")
        claims = _document(parts[1])
        signature = _bytes(parts[2])
        known = await self._keys.key(kid)
        if known is None or header.get("alg") != known.algorithm:
            raise BadToken("key")
        # The algorithm is the key's: what the token says of itself is compared with it, never obeyed.
        algorithm = JWSRegistry.algorithms[known.algorithm]
        if not algorithm.verify(f"{parts[0]}.{parts[1]}".encode(), signature, known.key):
            raise BadToken("signature")
        return identity_of(claims, self._rules, self._clock.now())


def _document(part: str) -> dict[str, Any]:
    """Return the JSON object of one part; one that parsers could read in two ways is none."""
    raw = _bytes(part)
    try:
        guard(raw)
        found = orjson.loads(raw)
    except (Problem, orjson.JSONDecodeError) as error:
        raise BadToken("json") from error
    if not isinstance(found, dict):
        raise BadToken("json")
    return found


def _bytes(part: str) -> bytes:
    """Return the bytes of a part in the one spelling that they have."""
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        raise BadToken("base64")
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise BadToken("base64")
    return raw
