"""Pipedrive: HTTP Basic chosen by the user, and records as they are, in two versions of its webhooks."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

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
from gateway.domain.webhooks.request import (
    MISSING,
    Received,
    Terms,
    Verdict,
    decoded64,
    matched,
    same,
)

# Of a change in nothing but these there is nothing to tell: counts and dates that Pipedrive keeps by itself.
_BOOKKEEPING: Final = re.compile(
    r"update_time|stage_change_time|rotten_time|was_seen|is_seen|weighted_value|formatted_\w+"
    r"|(?:last|next)_(?:activity|incoming_mail|outgoing_mail)\w*"
    r"|(?:\w+_)?(?:activities|messages|files|notes|followers|participants)_count",
    re.ASCII,
)
_HASH: Final = re.compile(r"[0-9a-f]{40}(?:_\w+)?", re.ASCII)  # with its currency, for one
_CUSTOM: Final = "custom_fields"
_DELETED: Final = frozenset({"deleted", "delete"})
_CHANGED: Final = frozenset({"updated", "change"})


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
    """Read one change, of whichever version; of two records that became one both are told."""
    content = an_object(parsed(received.body), "the body")
    meta = an_object(content.get("meta"), "meta")
    return Told(_second(content, meta) if "entity" in meta else _first(content, meta))


def fields_of(record: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a record's fields, under the names of both versions wherever these differ.

    A custom field is named by its key, which version 1 has among all others and version 2 in a place of
    its own; who owns a record is its `user_id` in the one and its `owner_id` in the other.
    """
    fields = flat(record)
    for name, value in list(fields.items()):
        if _HASH.fullmatch(name):
            fields.setdefault(f"{_CUSTOM}.{name}", value)
        elif name.startswith(f"{_CUSTOM}.") and _HASH.fullmatch(
            key := name.removeprefix(f"{_CUSTOM}.")
        ):
            fields.setdefault(key, value)
    for one, other in (("user_id", "owner_id"), ("owner_id", "user_id")):
        if one in fields:
            fields.setdefault(other, fields[one])
    return fields


def _second(content: Mapping[str, Any], meta: Mapping[str, Any]) -> tuple[Change, ...]:
    id_ = text_of(meta.get("id"))
    if not id_:
        raise Unreadable("meta.id is missing")
    into, merged = (text_of(meta.get(name)) for name in ("merged_to_id", "merged_from_id"))
    change = _change(
        f"v2:{id_}",
        (text_of(meta.get("entity")) or "", text_of(meta.get("action")) or ""),
        text_of(meta.get("entity_id")),
        instant(meta.get("timestamp")),
        _object(content.get("data")),
        None if into or merged else content.get("previous"),
    )
    return _with_merged(change, into, merged)


def _first(content: Mapping[str, Any], meta: Mapping[str, Any]) -> tuple[Change, ...]:
    id_, action = text_of(meta.get("id")), text_of(meta.get("action")) or ""
    at = meta.get("timestamp_micro") or meta.get("timestamp")
    names = ("webhook_id", "object", "id", "action")
    key = ":".join((*(text_of(meta.get(name)) or "" for name in names), text_of(at) or ""))
    current, previous = content.get("current"), content.get("previous")
    change = _change(
        f"v1:{key}",
        (text_of(meta.get("object")) or "", action),
        id_,
        instant(at),
        _object(current),
        _changed(current, previous),
    )
    merged = text_of(_object(previous).get("id")) if action == "merged" else None
    return _with_merged(change, None, merged)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _changed(current: object, previous: object) -> Mapping[str, Any] | None:
    """Return what version 2 calls previous, from version 1's whole record before the change."""
    if not isinstance(current, dict) or not isinstance(previous, dict):
        return None
    return {name: value for name, value in previous.items() if current.get(name, value) != value}


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
    kind = KINDS.get(entity)
    if kind is None or not id_ or (action in _CHANGED and _is_idle(previous)):
        return Change(key, what)
    deleted = action in _DELETED or record.get("status") == "deleted" or None
    return Change(key, what, kind, id_, at, fields=fields_of(record), deleted=deleted)


def _is_idle(previous: object) -> bool:
    names = _object(previous)
    return bool(names) and all(map(_BOOKKEEPING.fullmatch, names))


def _with_merged(change: Change, into: str | None, merged: str | None) -> tuple[Change, ...]:
    """Return a change and who became part of its record, or its record as part of another."""
    if into and into != change.external_id and change.kind:
        return (replace(change, fields={}, deleted=True, merged_into=into),)
    if not merged or merged == change.external_id or not change.kind:
        return (change,)
    gone = Change(
        f"{change.key}:{merged}",
        change.what,
        change.kind,
        merged,
        change.at,
        deleted=True,
        merged_into=change.external_id,
    )
    return change, gone
