"""CloudEvents 1.0 over HTTP: binary, structured and batched, with a bearer secret; and the handshake."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from gateway.domain.webhooks.reading import (
    Change,
    Told,
    Unreadable,
    a_list,
    an_object,
    digest_key,
    each,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import (
    MISSING,
    Received,
    Terms,
    Verdict,
    decoded64,
    matched,
    same,
)
from gateway.domain.webhooks.standard import told_by_type

RATE: Final = "*"
_ORIGIN: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::\d{1,5})?", re.ASCII
)
_REQUIRED: Final = ("specversion", "id", "source", "type")


def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Check the bearer secret, in the header or as `access_token` in the query, never in both."""
    scheme, _, in_header = received.header("authorization").partition(" ")
    in_query = received.query.get("access_token", "")
    sent = in_header if scheme.lower() == "bearer" else ""
    if not (sent or in_query) or (sent and in_query):
        return MISSING
    return matched(terms, lambda secret: same(sent or in_query, secret.text))


def read(received: Received, _terms: Terms) -> Told:
    """Read one event or a batch, whichever the content type says."""
    media = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media.startswith("application/cloudevents-batch"):
        events = enumerate(a_list(parsed(received.body), "the batch"))
        return Told(each(tuple(events), lambda one: _change(an_object(one[1], "an event"), one[0])))
    if media.startswith("application/cloudevents"):
        return Told((_change(an_object(parsed(received.body), "the event")),))
    return Told((_change(_binary(received)),))


def _binary(received: Received) -> dict[str, Any]:
    """Return the event whose attributes are headers; they are percent-encoded once, in UTF-8."""
    if "ce-datacontenttype" in received.headers:
        raise Unreadable("ce-datacontenttype may not be there: Content-Type says it")
    event: dict[str, Any] = {}
    for name, value in received.headers.items():
        if name.startswith("ce-"):
            event[name.removeprefix("ce-")] = _decoded(value)
    event["data"] = parsed(received.body) if received.body else None
    return event


def _decoded(value: str) -> str:
    text = value.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        # The bytes as they came: what is no UTF-8 there may not become it by our reading.
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError as error:
        raise Unreadable("an attribute is not UTF-8") from error


def _change(event: Mapping[str, Any], place: int | None = None) -> Change:
    pointer = "" if place is None else f"/{place}"
    for name in _REQUIRED:
        if not (isinstance(event.get(name), str) and event[name]):
            raise Unreadable(f"an event lacks its {name}", f"{pointer}/{name}")
    if event["specversion"] != "1.0":
        raise Unreadable("an event has not specversion 1.0", f"{pointer}/specversion")
    key = digest_key(b"cloudevents", event["source"], event["id"])
    data, at = _data(event, pointer), text_of(event.get("time"))
    return told_by_type(key, event["type"], at, data if isinstance(data, dict) else {})


def _data(event: Mapping[str, Any], pointer: str) -> object:
    """Return an event's data; they may be JSON that was wrapped in base64."""
    wrapped = event.get("data_base64")
    if wrapped is None:
        return event.get("data")
    content = decoded64(wrapped) if isinstance(wrapped, str) else None
    if content is None:
        raise Unreadable("data_base64 is not base64", f"{pointer}/data_base64")
    try:
        return parsed(content)
    except (ValueError, RecursionError):
        return None  # of another kind than JSON: nothing that we follow


def handshake(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return what permits a sender that asks first; None if what it calls itself is no host name."""
    origin = headers.get("webhook-request-origin", "")
    if not _ORIGIN.fullmatch(origin):
        return None
    return {
        "WebHook-Allowed-Origin": origin,
        "WebHook-Allowed-Rate": RATE,
        "Allow": "OPTIONS, POST",
    }
