"""The keys of an identity provider: fetched when they are needed, remembered, never fetched in a storm."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.application.ports import KeysUnavailable

FETCH_TIMEOUT_S: Final = 5.0
MAX_BYTES: Final = 64 * 1024
MAX_KEYS: Final = 50
FRESH_S: Final = 600.0  # keys are fetched anew after that: a withdrawn one goes
STALE_S: Final = 24 * 3600.0  # and go on being believed so long if the provider cannot be reached
# An unknown key may be a new one, or any text: at most one question in so long a time.
ASK_AGAIN_S: Final = 60.0
RETRY_S: Final = 5.0
MIN_RSA_BITS: Final = 2048

_log = structlog.get_logger("gateway.jwks")

AnyKey = RSAKey | ECKey | OKPKey
# Each kind of key has one algorithm; whatever a token's header says, no other is tried.
_KINDS: Final[Mapping[tuple[str, str | None], tuple[type[AnyKey], str]]] = {
    ("RSA", None): (RSAKey, "RS256"),
    ("EC", "P-256"): (ECKey, "ES256"),
    ("OKP", "Ed25519"): (OKPKey, "EdDSA"),
}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and the one algorithm that it is for."""

    key: AnyKey
    algorithm: str


class ProviderKeys:
    """The key set behind one address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: Mapping[str, VerifyingKey] = {}
        self._fetched_at: float | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def key(self, kid: str) -> VerifyingKey | None:
        """Return a key by its id, None if the provider has none; raise `KeysUnavailable`."""
        if kid not in self._keys or self._age() > FRESH_S:
            await self._renewed(kid)
        if self._age() > STALE_S:
            raise KeysUnavailable
        return self._keys.get(kid)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else _now() - self._fetched_at

    async def _renewed(self, kid: str) -> None:
        async with self._asking:  # of many at once one asks, the others look again
            known = kid in self._keys and self._age() <= FRESH_S
            pause = RETRY_S if self._age() > FRESH_S else ASK_AGAIN_S
            if known or _now() - self._asked_at < pause:
                return
            self._asked_at = _now()
            try:
                self._keys = keys_of(await _fetched(self._url))
            except (httpx.HTTPError, ValueError) as error:
                _log.warning("jwks.unavailable", error=type(error).__name__)
                return
            self._fetched_at = _now()


async def _fetched(url: str) -> bytes:
    """Return the document at the provider's address; redirects are not followed."""
    async with (
        httpx.AsyncClient(timeout=FETCH_TIMEOUT_S, follow_redirects=False) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError("the provider did not answer 200")
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError("the key set is too large")
        return body


def keys_of(document: bytes) -> Mapping[str, VerifyingKey]:
    """Return the keys of a set that verify signatures of ours to know; others are passed over."""
    listed = orjson.loads(document)["keys"] if document else []
    found: dict[str, VerifyingKey] = {}
    for jwk in listed[:MAX_KEYS]:
        key = _key(jwk)
        if key is not None:
            found[str(jwk["kid"])] = key
    return found


def _key(jwk: Mapping[str, Any]) -> VerifyingKey | None:
    kind = _KINDS.get((str(jwk.get("kty")), jwk.get("crv")))
    meant = jwk.get("use", "sig") == "sig" and "d" not in jwk and isinstance(jwk.get("kid"), str)
    if kind is None or not meant or jwk.get("alg", kind[1]) != kind[1]:
        return None
    if kind[0] is RSAKey and len(str(jwk.get("n"))) * 6 < MIN_RSA_BITS:
        return None
    try:
        return VerifyingKey(kind[0].import_key(dict(jwk)), kind[1])
    except (JoseError, ValueError, TypeError):
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()
