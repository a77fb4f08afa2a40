"""HubSpot: signature v3 over method, partly decoded URL, raw body and timestamp; thin events in batches."""

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
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
    instant,
    parsed,
    several,
    text_of,
)
from gateway.domain.webhooks.request import Received, Secret, Terms, Verdict, mac, signed_at

# These twelve escapes and no others are decoded before HubSpot signs; %20, %2B, %25 … stay as they are.
_DECODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ESCAPE: Final = re.compile("|".join(_DECODED), re.IGNORECASE)

_PORTAL: Final = re.compile(rb'"portalId"\s*:\s*"?(\d{1,20})')
_KINDS: Final[Mapping[str, Kind]] = {
    "contact": "lead",
    "0-1": "lead",
    "deal": "deal",
    "0-3": "deal",
}
_DELETIONS: Final = {"deletion": True, "privacyDeletion": True, "restore": False}
# Between a contact and a deal, from which end ever it was told; others are none of ours.
_LINKS: Final = {
    "CONTACT_TO_DEAL": ("fromObjectId", "toObjectId"),
    "DEAL_TO_CONTACT": ("toObjectId", "fromObjectId"),
}
LEAD: Final = (
    "associations.contact"  # the contact that a deal is linked to: no property of HubSpot's
)
_HIDDEN: Final = "REDACTED"  # in place of a sensitive value


def verify(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check signature v3. The older ones do not cover the time, so a request that has only those is refused."""
    stamp = received.header("x-hubspot-request-timestamp")
    url = _ESCAPE.sub(lambda found: _DECODED[found[0].upper()], received.url)
    message = received.method.encode() + url.encode() + received.body + stamp.encode()

    def wanted(secret: Secret) -> str:
        return base64.b64encode(mac(secret.text.encode(), message)).decode()

    signature = received.header("x-hubspot-signature-v3")
    return signed_at(signature, stamp, now, terms, wanted, per_second=1_000)


def read(received: Received, terms: Terms) -> Told:
    """Read the events of a batch; what belongs to another portal is passed over."""
    events = events_of(received, terms)
    portal = terms.settings.get("portal_id")
    return Told(several(events, lambda event: _changes(an_object(event, "an event"), portal)))


def events_of(received: Received, _terms: Terms) -> Sequence[Any]:
    """Return the events of a batch. Raises `Unreadable` if none of them is one."""
    events = a_list(parsed(received.body), "the body")
    if events and not any(isinstance(event, dict) for event in events):
        raise Unreadable("an event is not an object")
    return events


def portals_in(body: bytes) -> frozenset[str]:
    """Return the portals that a batch may speak of, without reading it."""
    return frozenset(found.decode() for found in _PORTAL.findall(body))


def parted(body: bytes, portals: Collection[str]) -> tuple[Mapping[str, bytes], bytes]:
    """Return the events of each of these portals as a batch of its own, and a batch of the rest."""
    of: dict[str, list[Any]] = {}
    rest: list[Any] = []
    for event in a_list(parsed(body), "the body"):
        portal = text_of(event.get("portalId")) if isinstance(event, dict) else None
        (of.setdefault(portal, []) if portal in portals and portal else rest).append(event)
    return {portal: _batch(events) for portal, events in of.items()}, _batch(rest)


def _batch(events: Sequence[Any]) -> bytes:
    # A number with a point becomes its text, as which it is read.
    return json.dumps(events, default=str).encode()


def _changes(event: Mapping[str, Any], portal: str | None) -> Sequence[Change]:
    what = text_of(event.get("subscriptionType") or event.get("eventType")) or "unknown"
    entity, _, action = what.partition(".")
    kind = _KINDS.get(text_of(event.get("objectTypeId")) or "" if entity == "object" else entity)
    key = _key(event)
    foreign = portal is not None and text_of(event.get("portalId")) != portal
    if action == "associationChange" and not foreign:
        return (_linked(event, what, key),)
    if kind is None or foreign:
        return (Change(key, what),)
    if action == "merge":
        return _merged(event, what, key, kind)
    id_ = text_of(event.get("objectId"))
    if not id_:
        raise Unreadable("an event lacks its objectId")
    change = Change(
        key,
        what,
        kind,
        id_,
        *_when(event),
        _fields(event, action),
        deleted=_DELETIONS.get(action),
        erased=action == "privacyDeletion",
        thin=not _DELETIONS.get(action),
    )
    return (change,)


def _when(event: Mapping[str, Any]) -> tuple[datetime | None, str]:
    return instant(event.get("occurredAt")), (text_of(event.get("eventId")) or "").zfill(20)


def _merged(event: Mapping[str, Any], what: str, key: str, kind: Kind) -> Sequence[Change]:
    """Return who lives on, to be read anew, and everybody who became part of them.

    The one that others were merged into is not always the one that lives on: some merges make a new record.
    """
    primary = text_of(event.get("primaryObjectId") or event.get("objectId"))
    into = text_of(event.get("newObjectId")) or primary
    if not into:
        raise Unreadable("a merge names no record")
    merged = map(text_of, a_list(event.get("mergedObjectIds") or [], "mergedObjectIds"))
    gone = dict.fromkeys(id_ for id_ in (primary, *merged) if id_ and id_ != into)
    when = _when(event)
    return (
        Change(key, what, kind, into, *when, thin=True),
        *(
            Change(f"{key}:{id_}", what, kind, id_, *when, deleted=True, merged_into=into)
            for id_ in gone
        ),
    )


def _linked(event: Mapping[str, Any], what: str, key: str) -> Change:
    """Return a deal's link to its contact; a link that was removed takes nothing back here."""
    ends = _LINKS.get(text_of(event.get("associationType")) or "")
    contact, deal = (text_of(event.get(end)) for end in ends) if ends else (None, None)
    if not contact or not deal:
        return Change(key, what)
    fields = {} if event.get("associationRemoved") is True else {LEAD: contact}
    return Change(key, what, "deal", deal, *_when(event), fields, thin=True)


def _fields(event: Mapping[str, Any], action: str) -> dict[str, str | None]:
    at = instant(event.get("occurredAt"))
    if action == "creation" and at is not None:
        return {"createdate": at.isoformat()}
    name, value = text_of(event.get("propertyName")), text_of(event.get("propertyValue"))
    if action != "propertyChange" or not name or "propertyValue" not in event:
        return {}
    hidden = event.get("isSensitive") or value == _HIDDEN
    return {} if hidden else {name: value or None}


def _key(event: Mapping[str, Any]) -> str:
    """Return what tells one event from another; HubSpot's own id may repeat, and attempts count up."""
    names = ("portalId", "subscriptionId", "eventId", "objectId", "occurredAt", "propertyName")
    parts = [text_of(event.get(name)) or "" for name in names]
    value = text_of(event.get("propertyValue")) or ""
    # Links and merges name no object: without their ends two of the same instant would be one.
    ends = ("fromObjectId", "toObjectId", "associationType", "primaryObjectId", "mergedObjectIds")
    more = [str(event[name]) for name in ends if name in event]
    return digest_key(b"hubspot", *parts, value, *more)
