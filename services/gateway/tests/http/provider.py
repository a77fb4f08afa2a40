"""An identity provider of a test: its keys, the address where it publishes them, and tokens good and bad."""

import asyncio
import base64
import hmac
import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from onefunnel.ids import new_id

ISSUER: Final = "https://login.example/realm"
AUDIENCE: Final = "https://api.example"
ANY_ALGORITHM: Final = ["RS256", "ES256", "EdDSA", "PS256", "ES256K", "HS256", "RS512"]
PORTS: Final = range(21_000, 32_000)


@dataclass
class Provider:
    """Keys by id, and how often anybody asked for them."""

    keys: dict[str, Any] = field(default_factory=dict)
    asked: int = 0
    port: int = 0
    silent: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def document(self) -> bytes:
        public = [{**key.as_dict(private=False), "kid": kid} for kid, key in self.keys.items()]
        return json.dumps({"keys": public}).encode()

    def signed(self, header: dict[str, Any], claims: Any, key: Any = None) -> str:
        """Return a token with any header and any claims, even those that no library would make."""
        raw = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        known = key or self.keys[header.get("kid", "rsa")]
        own = "RS256" if isinstance(known, RSAKey) else "ES256"
        algorithm = header["alg"] if header["alg"] in ANY_ALGORITHM else own
        signing = {"alg": algorithm}
        text = f"{_part(json.dumps(header).encode())}.{_part(raw)}"
        return f"{text}.{_signature(text, signing, known)}"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = self.document()
        status = b"503 No" if self.silent else b"200 OK"
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        writer.write(head % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Provider"]:
        """Serve the keys on loopback until the end of the test."""
        for port in PORTS:
            try:
                server = await asyncio.start_server(self._answer, "127.0.0.1", port)
            except OSError:
                continue
            self.port = port
            break
        async with server:
            yield self


def provider() -> Provider:
    """Return a provider with a key of each kind that is taken, and some that are not."""
    with warnings.catch_warnings(action="ignore"):  # the library warns of what is to be refused
        return Provider(
            {
                "rsa": RSAKey.generate_key(2048),
                "ec": ECKey.generate_key("P-256"),
                "ed": OKPKey.generate_key("Ed25519"),
                "small": RSAKey.generate_key(1024),
                "k1": ECKey.generate_key("secp256k1"),
            }
        )


def claims(tenant: Any, now: float, **changed: Any) -> dict[str, Any]:
    """Return good claims, but for those that are changed; what is changed to None is left out."""
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "auth0|anna",
        "tenant": str(tenant),
        "role": "admin",
        "person": str(new_id()),
        "iat": int(now),
        "exp": int(now) + 600,
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def secret_of(key: Any) -> bytes:
    """Return the public key, to be taken for a shared secret."""
    return bytes(key.as_pem(private=False))


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(text: str, signing: dict[str, str], key: Any) -> str:
    """Sign the very text of a token, whatever its header says."""
    if isinstance(key, bytes):  # no library takes a public key for a secret any more
        return _part(hmac.new(key, text.encode(), sha256).digest())
    model = jws.default_registry.algorithms[signing["alg"]]
    return _part(model.sign(text.encode(), key))
