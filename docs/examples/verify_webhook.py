"""Verify a webhook of Onefunnel (Standard Webhooks 1.0.0) with nothing but the standard library."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE_S = 300


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> bool:
    """Say whether `body`, the raw bytes as they came, is genuine and fresh. Names of headers in lower case."""
    id_, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (id_ and stamp.isascii() and stamp.isdigit()):
        return False
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256)
    wanted = b"v1," + base64.b64encode(digest)
    sent = headers.get("webhook-signature", "").split(" ")  # two while a secret is rotated
    return any(hmac.compare_digest(one.encode(), wanted) for one in sent)
