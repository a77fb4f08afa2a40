"""HubSpot: signature v3 over method, partly decoded URL, raw body and timestamp; thin events in batches."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Told,
    Unreadable,
    a_list,
    an_object,
    digest_key,
    each,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import (
    MISSING,
    STALE,
    Received,
    Terms,
    Verdict,
    mac,
    matched,
    same,
    within_window,
)

# These twelve escapes and no others are decoded before HubSpot signs; %20, %2B, %25 … stay as they are.
_DECODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ESCAPE: Final = re.compile("|".join(_DECODED), re.IGNORECASE)

_KINDS: Final[Mapping[str, Kind]] = {
    "contact": "lead",
    "0-1": "lead",
    "deal": "deal",
    "0-3": "deal",
}
_DELETIONS: Final = {"deletion": True, "privacyDeletion": True, "restore": False}


def verify(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check signature v3. The older ones do not cover the time, so a request that has only those is refused."""
    signature = received.header("x-hubspot-signature-v3")
    stamp = received.header("x-hubspot-request-timestamp")
    if not signature or not stamp:
        return MISSING
    if not within_window(stamp, now, per_second=1_000):
        return STALE
    url = _ESCAPE.sub(lambda found: _DECODED[found[0].upper()], received.url)
    message = received.method.encode() + url.encode() + received.body + stamp.encode()

    def fits(secret: Any) -> bool:
        wanted = base64.b64encode(mac(secret.text.encode(), message)).decode()
        return same(signature, wanted)

    return matched(terms, fits)


def read(received: Received, terms: Terms) -> Told:
    """Read the events of a batch; what belongs to another portal is passed over."""
    events = events_of(received, terms)
    portal = terms.settings.get("portal_id")
    return Told(each(events, lambda event: _change(an_object(event, "an event"), portal)))


def events_of(received: Received, _terms: Terms) -> Sequence[Any]:
    """Return the events of a batch. Raises `Unreadable` if none of them is one."""
    events = a_list(parsed(received.body), "the body")
    if events and not any(isinstance(event, dict) for event in events):
        raise Unreadable("an event is not an object")
    return events


def _change(event: Mapping[str, Any], portal: str | None) -> Change:
    what = text_of(event.get("subscriptionType") or event.get("eventType")) or "unknown"
    entity, _, action = what.partition(".")
    kind = _KINDS.get(text_of(event.get("objectTypeId")) or "" if entity == "object" else entity)
    id_ = text_of(event.get("objectId") or event.get("primaryObjectId"))  # the latter of a merge
    at = instant(event.get("occurredAt"))
    foreign = portal is not None and text_of(event.get("portalId")) != portal
    key = _key(event)
    if kind is None or id_ is None or at is None or foreign:
        return Change(key, what)
    return Change(
        key,
        what,
        kind,
        id_,
        at,
        (text_of(event.get("eventId")) or "").zfill(20),
        _fields(event, action, at),
        deleted=_DELETIONS.get(action),
        erased=action == "privacyDeletion",
        thin=not _DELETIONS.get(action),
    )


def _fields(event: Mapping[str, Any], action: str, at: datetime) -> dict[str, str | None]:
    if action == "creation":
        return {"createdate": at.isoformat()}
    name = text_of(event.get("propertyName"))
    if action != "propertyChange" or not name or event.get("isSensitive"):
        return {}
    return {name: text_of(event.get("propertyValue")) or None}


def _key(event: Mapping[str, Any]) -> str:
    """Return what tells one event from another; HubSpot's own id may repeat, and attempts count up."""
    names = ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt", "propertyName")
    parts = [text_of(event.get(name)) or "" for name in names]
    value = text_of(event.get("propertyValue")) or ""
    return digest_key(b"hubspot", *parts, value)
