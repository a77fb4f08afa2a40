"""Standard Webhooks: id, time and body under one or several signatures, for any CRM or integration platform."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    KINDS,
    Change,
    Told,
    an_object,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import (
    MAX_SIGNATURES,
    MISSING,
    STALE,
    WRONG,
    Received,
    Secret,
    Terms,
    Verdict,
    decoded64,
    mac,
    matched,
    same,
    within_window,
)

PREFIX: Final = "whsec_"
# A type such as deal.won says how the deal ended, whatever its data leaves out.
_STANDINGS: Final = {"won": "won", "lost": "lost", "reopened": "open", "qualified": "qualified",
                     "disqualified": "disqualified"}  # fmt: skip
_DELETIONS: Final = {"deleted": True, "erased": True, "merged": True, "restored": False}
_VERSION: Final = re.compile(r"v\d{1,3}", re.ASCII)


def verify(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check the `v1` signatures; a sender that rotates its secret sends two, more than five are none."""
    id_, stamp = received.header("webhook-id"), received.header("webhook-timestamp")
    signatures = received.header("webhook-signature").split(" ")
    if not (id_ and stamp and signatures[0]):
        return MISSING
    if not within_window(stamp, now):
        return STALE
    if len(signatures) > MAX_SIGNATURES:
        return WRONG
    message = f"{id_}.{stamp}.".encode() + received.body

    def fits(secret: Secret) -> bool:
        key = decoded64(secret.text.removeprefix(PREFIX))
        wanted = "v1," + base64.b64encode(mac(key, message)).decode() if key else ""
        return any([same(signature, wanted) for signature in signatures])  # noqa: C419 - all of them

    return matched(terms, fits)


def is_key(text: str) -> bool:
    """Say whether a text can be a secret of Standard Webhooks: 24 to 64 bytes in base64."""
    key = decoded64(text.removeprefix(PREFIX))
    return key is not None and 24 <= len(key) <= 64


def read(received: Received, _terms: Terms) -> Told:
    """Read one event: `{type, timestamp, data}`."""
    content = an_object(parsed(received.body), "the body")
    data = content.get("data")
    change = told_by_type(
        f"id:{received.header('webhook-id')}",
        text_of(content.get("type")) or "unknown",
        text_of(content.get("timestamp")),
        data if isinstance(data, dict) else {},
    )
    return Told((change,))


def told_by_type(key: str, what: str, at: str | None, data: Mapping[str, Any]) -> Change:
    """Return the change of an event whose type ends in entity and action, such as `com.example.deal.won`.

    Of a record that was `merged`, `merged_into` of its data names the one that lives on.
    """
    words = what.split(".")
    entity, action = (["", *(words[:-1] if _VERSION.fullmatch(words[-1]) else words)])[-2:]
    kind, id_ = KINDS.get(entity), text_of(data.get("id"))
    if kind is None or not id_:
        return Change(key, what)
    fields = flat(data)
    if (standing := _STANDINGS.get(action)) is not None:
        fields["status"] = standing
    if action == "created" and at is not None:
        fields.setdefault("created_at", at)
    return Change(
        key,
        what,
        kind,
        id_,
        instant(at),
        fields=fields,
        deleted=_DELETIONS.get(action),
        erased=kind == "lead" and action == "erased",
        merged_into=fields.get("merged_into") if action == "merged" else None,
    )
