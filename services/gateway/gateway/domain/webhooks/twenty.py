"""Twenty: an HMAC over milliseconds and body; records as they are after the change, money in millionths."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Told,
    an_object,
    digest_key,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import Received, Secret, Terms, Verdict, mac, signed_at

_DELETIONS: Final = {"deleted": True, "destroyed": True, "restored": False}
_KINDS: Final[Mapping[str, Kind]] = {"opportunity": "deal", "person": "lead"}


def verify(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check the signature; a webhook without a secret sends none and is refused."""
    signature = received.header("x-twenty-webhook-signature")
    stamp = received.header("x-twenty-webhook-timestamp")
    message = stamp.encode() + b":" + received.body

    def wanted(secret: Secret) -> str:
        return mac(secret.text.encode(), message).hex()

    return signed_at(signature, stamp, now, terms, wanted, per_second=1_000)


def read(received: Received, _terms: Terms) -> Told:
    """Read one event, in the shape that Twenty sends or in the one that it documents."""
    content = an_object(parsed(received.body), "the body")
    what = text_of(content.get("eventName") or content.get("event")) or "unknown"
    record: Mapping[str, Any] = content.get("record") or content.get("data") or {}
    fields = flat(an_object(record, "record"))
    at = text_of(content.get("eventDate") or content.get("timestamp"))
    webhook = text_of(content.get("webhookId")) or ""
    entity, _, action = what.partition(".")
    kind, id_ = _KINDS.get(entity), fields.get("id")
    key = digest_key(b"twenty", webhook, what, at or "", id_ or "")
    if kind is None or not id_:
        return Told((Change(key, what),))
    deleted = _DELETIONS.get(action)
    return Told((Change(key, what, kind, id_, instant(at), fields=fields, deleted=deleted),))
