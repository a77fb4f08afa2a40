"""Zoho: a token inside the body; several records in one callback, with a few of their values at best."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Told,
    a_list,
    an_object,
    digest_key,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import MISSING, Received, Terms, Verdict, matched, same

MAX_TOKEN_CHARS: Final = 50
_KINDS: Final[Mapping[str, Kind]] = {"Deals": "deal", "Leads": "lead"}


def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Compare the token before anything else is made of the body."""
    try:
        content = parsed(received.body)
    except (ValueError, RecursionError):
        return MISSING
    token = content.get("token") if isinstance(content, dict) else None
    if not isinstance(token, str) or not token:
        return MISSING
    return matched(terms, lambda secret: same(token, secret.text))


def is_token(text: str) -> bool:
    """Say whether a text can be the token of a channel."""
    return 0 < len(text) <= MAX_TOKEN_CHARS


def read(received: Received, _terms: Terms) -> Told:
    """Read the records of a callback; the values that come along are the newest that we know."""
    content = an_object(parsed(received.body), "the body")
    module, operation = (
        text_of(content.get("module")) or "",
        text_of(content.get("operation")) or "",
    )
    at, what = instant(content.get("server_time")), f"{module}.{operation}"
    kind, values = _KINDS.get(module), _values(content.get("affected_values"))
    changes = []
    for n, each in enumerate(a_list(content.get("ids"), "ids")):
        id_ = text_of(each) or ""
        key = digest_key(received.body, str(n))
        if kind is None or not id_:
            changes.append(Change(key, what, recurs=True))
            continue
        changes.append(
            Change(
                key,
                what,
                kind,
                id_,
                at,
                fields=values.get(id_, {}),
                deleted=operation == "delete" or None,
                thin=operation != "delete",
                recurs=True,
            )
        )
    return Told(tuple(changes))


def _values(affected: object) -> dict[str | None, dict[str, str | None]]:
    """Return what came along of each record; they are hints, so what has no shape of theirs is none."""
    return {
        text_of(one.get("record_id")): flat(one["values"])
        for one in (affected if isinstance(affected, list) else ())
        if isinstance(one, dict) and isinstance(one.get("values"), dict)
    }
