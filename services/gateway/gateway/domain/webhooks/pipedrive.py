"""Pipedrive: HTTP Basic chosen by the user, and records as they are, in two versions of its webhooks."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

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
    Received,
    Terms,
    Verdict,
    decoded64,
    matched,
    same,
)

_KINDS: Final[Mapping[str, Kind]] = {"deal": "deal", "lead": "lead"}
# Of a change in nothing but these there is nothing to tell.
_BOOKKEEPING: Final = frozenset(
    {"update_time", "stage_change_time", "last_activity_date", "next_activity_date", "was_seen"}
)
_HASH: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_DELETED: Final = frozenset({"deleted", "delete"})


def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Check user and password; the secret is `user:password`, and a password may hold a colon."""
    scheme, _, credentials = received.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return MISSING
    sent = decoded64(credentials)
    if sent is None:
        return MISSING
    text = sent.decode("utf-8", "surrogateescape")
    return matched(terms, lambda secret: same(text, secret.text))


def read(received: Received, _terms: Terms) -> Told:
    """Read one change, of whichever version."""
    content = an_object(parsed(received.body), "the body")
    meta = an_object(content.get("meta"), "meta")
    version = _second(content, meta) if "entity" in meta else _first(content, meta)
    return Told((version,))


def _second(content: Mapping[str, Any], meta: Mapping[str, Any]) -> Change:
    key = text_of(meta.get("id"))
    if not key:
        raise Unreadable("meta.id is missing")
    entity, action = text_of(meta.get("entity")) or "", text_of(meta.get("action")) or ""
    data = content.get("data")
    return _change(
        f"v2:{key}",
        (entity, action),
        text_of(meta.get("entity_id")),
        instant(meta.get("timestamp")),
        data if isinstance(data, dict) else {},
        content.get("previous"),
    )


def _first(content: Mapping[str, Any], meta: Mapping[str, Any]) -> Change:
    entity, action = text_of(meta.get("object")) or "", text_of(meta.get("action")) or ""
    id_ = text_of(meta.get("id"))
    names = ("webhook_id", "object", "id", "action", "timestamp_micro")
    key = "v1:" + ":".join(text_of(meta.get(name)) or "" for name in names)
    current = content.get("current")
    record = (
        {_as_second(name): value for name, value in current.items()}
        if isinstance(current, dict)
        else {}
    )
    return _change(
        key,
        (entity, action),
        id_,
        instant(meta.get("timestamp_micro")) or instant(meta.get("timestamp")),
        record,
        _changed(current, content.get("previous")),
    )


def _changed(current: object, previous: object) -> Mapping[str, Any] | None:
    """Return what version 2 calls previous, from version 1's whole record before the change."""
    if not isinstance(current, dict) or not isinstance(previous, dict):
        return None
    return {name: value for name, value in previous.items() if current.get(name, value) != value}


def _as_second(name: str) -> str:
    """Return the name that a field of version 1 has in version 2."""
    if name == "user_id":
        return "owner_id"
    return f"custom_fields.{name}" if _HASH.fullmatch(name) else name


def _change(
    key: str,
    named: tuple[str, str],
    id_: str | None,
    at: datetime | None,
    record: Mapping[str, Any],
    previous: object,
) -> Change:
    entity, action = named
    what = f"{entity}.{action}"
    kind = _KINDS.get(entity)
    idle = isinstance(previous, dict) and previous and previous.keys() <= _BOOKKEEPING
    if kind is None or not id_ or idle:
        return Change(key, what)
    deleted = action in _DELETED or record.get("status") == "deleted" or None
    return Change(key, what, kind, id_, at, fields=flat(record), deleted=deleted)
