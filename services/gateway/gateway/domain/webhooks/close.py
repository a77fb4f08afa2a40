"""Close: an HMAC under a key given in hexadecimal, over timestamp and body; amounts in cents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Told,
    Unreadable,
    an_object,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import (
    MISSING,
    STALE,
    Received,
    Secret,
    Terms,
    Verdict,
    mac,
    matched,
    same,
    within_window,
)

_KINDS: Final[Mapping[str, Kind]] = {"opportunity": "deal", "lead": "lead"}


def verify(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check `close-sig-hash`; five minutes of freshness are our own rule."""
    signature, stamp = received.header("close-sig-hash"), received.header("close-sig-timestamp")
    if not signature or not stamp:
        return MISSING
    if not within_window(stamp, now):
        return STALE

    def fits(secret: Secret) -> bool:
        key = _key(secret.text)
        wanted = mac(key, stamp.encode() + received.body).hex() if key else ""
        return same(signature, wanted)

    return matched(terms, fits)


def _key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def is_key(text: str) -> bool:
    """Say whether a text can be a key of Close's."""
    return bool(_key(text))


def read(received: Received, _terms: Terms) -> Told:
    """Read one event of one object."""
    event = an_object(an_object(parsed(received.body), "the body").get("event"), "event")
    key, what = text_of(event.get("id")), text_of(event.get("object_type")) or "unknown"
    if not key:
        raise Unreadable("event.id is missing")
    action, id_ = text_of(event.get("action")) or "", text_of(event.get("object_id"))
    named = f"{what}.{action}"
    kind = _KINDS.get(what)
    if kind is None or not id_:
        return Told((Change(f"id:{key}", named),))
    data = event.get("data")
    return Told(
        (
            Change(
                f"id:{key}",
                named,
                kind,
                id_,
                instant(event.get("date_updated")),
                fields=flat(data) if isinstance(data, dict) else {},
                deleted=action == "deleted" or None,
            ),
        )
    )
