"""Odoo: an automation rule posts a record's fields; its secret is in the path, and false means nothing."""

from collections.abc import Mapping
from typing import Final

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
from gateway.domain.webhooks.request import Received, Terms

_KINDS: Final[Mapping[str, Kind]] = {"opportunity": "deal", "lead": "lead"}
_BOOLEANS: Final = frozenset({"active", "is_won"})


def read(received: Received, _terms: Terms) -> Told:
    """Read one record of `crm.lead`, which is a lead or an opportunity by its type."""
    content = an_object(parsed(received.body), "the body")
    record = {
        name: None if value is False and name not in _BOOLEANS else value
        for name, value in content.items()
    }
    fields = _with_end(flat(record))
    what = text_of(content.get("_model")) or "unknown"
    key = digest_key(received.body)
    kind = _KINDS.get(fields.get("type") or "opportunity")
    id_ = fields.get("id") or fields.get("_id")
    if what != "crm.lead" or kind is None or not id_:
        return Told((Change(key, what, recurs=True),))
    change = Change(
        key, what, kind, id_, instant(fields.get("write_date")), fields=fields, recurs=True
    )
    return Told((change,))


def _with_end(fields: dict[str, str | None]) -> dict[str, str | None]:
    """Return the fields with how the record ended, which older versions say in others together."""
    if fields.get("won_status"):
        return fields
    if fields.get("is_won") == "true":
        return {**fields, "won_status": "won"}
    if fields.get("active") == "false" and fields.get("lost_reason_id"):
        return {**fields, "won_status": "lost"}
    if fields.get("active") == "true" and fields.get("is_won") == "false":
        return {**fields, "won_status": "pending"}
    return fields
