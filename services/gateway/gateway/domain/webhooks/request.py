"""A request as a CRM sent it, what a connection knows to judge it by, and the verdict."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

WINDOW: Final = timedelta(minutes=5)
MAX_SIGNATURES: Final = 5
MAX_SIGNATURE_CHARS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Received:
    """One request, nothing of it changed: header names in lower case, the body as raw bytes."""

    method: str
    url: str  # as the CRM knows us: never taken from a Host header
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    path_secret: str | None = None

    def header(self, name: str) -> str:
        """Return a header, "" if it is not there; one longer than any signature is no signature."""
        value = self.headers.get(name, "")
        return value if len(value) <= MAX_SIGNATURE_CHARS else ""


@dataclass(frozen=True, slots=True)
class Secret:
    """A live secret of a connection."""

    id: UUID
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection holds to judge a request by."""

    secrets: tuple[Secret, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is genuine: which secret said so, or why not."""

    secret_id: UUID | None = None
    reason: str | None = None

    @property
    def genuine(self) -> bool:
        """Say whether the request may be believed."""
        return self.reason is None


Verify = Callable[[Received, Terms, datetime], Verdict]

MISSING: Final = Verdict(reason="missing-signature")
STALE: Final = Verdict(reason="stale-timestamp")
WRONG: Final = Verdict(reason="bad-signature")


def mac(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message."""
    return hmac.new(key, message, sha256).digest()


def same(one: str, other: str) -> bool:
    """Compare two texts in a time that does not depend on them; any character may be in them."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )


def matched(terms: Terms, fits: Callable[[Secret], bool], otherwise: Verdict = WRONG) -> Verdict:
    """Try every live secret; the time it takes does not tell which one it was."""
    found: Verdict = otherwise
    for secret in terms.secrets:
        if fits(secret):
            found = Verdict(secret.id)
    return found


def signed_at(
    signature: str,
    stamp: str,
    now: datetime,
    terms: Terms,
    wanted: Callable[[Secret], str],
    *,
    per_second: int = 1,
) -> Verdict:
    """Check a signature that covers the time at which it was made."""
    if not signature or not stamp:
        return MISSING
    if not within_window(stamp, now, per_second=per_second):
        return STALE
    return matched(terms, lambda secret: same(signature, wanted(secret)))


def within_window(seconds: str, now: datetime, *, per_second: int = 1) -> bool:
    """Say whether a sender's whole-number timestamp lies within five minutes of now, on either side."""
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 16):
        return False
    return abs(now.timestamp() - int(seconds) / per_second) <= WINDOW.total_seconds()


def decoded64(text: str) -> bytes | None:
    """Return the bytes of a base64 text, padded or not; None if it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def shared_key(name: str) -> Verify:
    """Return the check of a header that simply holds the secret; `settings.header` may rename it."""

    def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
        sent = received.header(terms.settings.get("header", name).lower())
        if not sent:
            return MISSING
        return matched(terms, lambda secret: same(sent, secret.text))

    return verify


def path_secret(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Check the secret that stands in the URL behind the endpoint."""
    sent = received.path_secret or received.query.get("secret", "")
    return matched(terms, lambda secret: same(sent, secret.text)) if sent else MISSING
