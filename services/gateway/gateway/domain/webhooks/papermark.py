"""Papermark: an HMAC over the body; links that were opened, and pages that were looked at a while longer."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    Change,
    Look,
    Told,
    Unreadable,
    an_object,
    digest_key,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import MISSING, Received, Terms, Verdict, mac, matched, same

MAX_BEAT_MS: Final = 1_800_000  # of one page in one beat: half an hour
MAX_PAGE: Final = 10_000
# Who opens a link without reading it, by what they call themselves.
_MACHINE: Final = re.compile(
    r"bot\b|crawl|spider|preview|scanner|headless|slack|whatsapp|telegram|facebookexternalhit"
    r"|curl/|wget|python|go-http|java/|proofpoint|mimecast|barracuda|safelinks",
    re.IGNORECASE,
)


def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Check `X-Papermark-Signature`; it covers no time, so the event's id alone keeps repeats out."""
    signature = received.header("x-papermark-signature")
    if not signature:
        return MISSING
    body = received.body
    return matched(terms, lambda one: same(signature, mac(one.text.encode(), body).hex()))


def read(received: Received, terms: Terms) -> Told:
    """Read an opened link, or a heart-beat: how much longer one page was looked at."""
    content = an_object(parsed(received.body), "the body")
    if "viewId" in content:
        return Told((_beat(content),))
    key = text_of(content.get("id"))
    if not key:
        raise Unreadable("id is missing")
    what = text_of(content.get("event")) or "unknown"
    if what != "link.viewed":
        return Told((Change(f"id:{key}", what),))
    data = an_object(content.get("data"), "data")
    view, link = an_object(data.get("view"), "view"), an_object(data.get("link"), "link")
    document = data.get("document") or {}
    document_id = text_of(an_object(document, "document").get("id"))
    view_id = text_of(view.get("viewId"))
    if not (view_id and document_id):
        return Told((Change(f"id:{key}", what),))
    at = instant(view.get("viewedAt"))
    email = (text_of(view.get("email")) or "").lower()
    look = Look(
        view_id,
        document_id,
        text_of(link.get("id")) or "",
        machine=_MACHINE.search(text_of(view.get("ua")) or "") is not None,
        internal=_is_internal(email, terms),
    )
    return Told((Change(f"id:{key}", what, at=at, look=look),))


def _beat(content: Mapping[str, Any]) -> Change:
    """Read an increment; without a number of its own nobody could tell it from itself sent twice."""
    view_id, document_id = (text_of(content.get(name)) for name in ("viewId", "documentId"))
    number = text_of(content.get("seq")) or text_of(content.get("id"))
    if not (view_id and document_id and number):
        raise Unreadable("a heart-beat lacks viewId, documentId or seq")
    page, duration = _whole(content, "pageNumber", MAX_PAGE), _whole(content, "duration", 1 << 40)
    look = Look(
        view_id,
        document_id,
        text_of(content.get("linkId")) or "",
        page=page,
        duration_ms=min(duration, MAX_BEAT_MS),
    )
    key = digest_key(b"papermark", view_id, number)
    return Change(key, "page.viewed", at=instant(content.get("sentAt")), look=look)


def _whole(content: Mapping[str, Any], name: str, most: int) -> int:
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Unreadable(f"{name} is no whole number in bounds")
    return value


def _is_internal(email: str, terms: Terms) -> bool:
    """Say whether a viewer is one of us, by the domains that the connection calls its own."""
    ours = {one.strip().lower() for one in terms.settings.get("internal_domains", "").split(",")}
    return email.rpartition("@")[2] in ours - {""}
