"""Close: an HMAC under a key given in hexadecimal, over timestamp and body; amounts in cents."""

from datetime import datetime

from gateway.domain.webhooks.reading import (
    KINDS,
    Change,
    Told,
    Unreadable,
    an_object,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import Received, Secret, Terms, Verdict, mac, signed_at


def verify(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check `close-sig-hash`; five minutes of freshness are our own rule."""
    signature, stamp = received.header("close-sig-hash"), received.header("close-sig-timestamp")

    def wanted(secret: Secret) -> str:
        key = _key(secret.text)
        return mac(key, stamp.encode() + received.body).hex() if key else ""

    return signed_at(signature, stamp, now, terms, wanted)


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
    named, kind = f"{what}.{action}", KINDS.get(what)
    if kind is None or not id_:
        return Told((Change(f"id:{key}", named),))
    data = event.get("data")
    change = Change(
        f"id:{key}",
        named,
        kind,
        id_,
        instant(event.get("date_updated")) or instant(event.get("date_created")),
        fields=flat(data) if isinstance(data, dict) else {},
        deleted=action == "deleted" or None,
    )
    return Told((change,))
