"""Dynamics 365: the execution context of a step, with a key in a header or in the query."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    KINDS,
    Change,
    Told,
    Unreadable,
    an_object,
    digest_key,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import MISSING, Received, Terms, Verdict, matched, same

HEADER: Final = "x-onefunnel-key"
STRIPPED: Final = "x-ms-dynamics-msg-size-exceeded"  # the context came without what changed
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_WON: Final = "1"
_CLOSED_BY: Final = {"Win": _WON, "Lose": "2"}


def verify(received: Received, terms: Terms, _now: datetime) -> Verdict:
    """Check the key: `?code=` of a WebhookKey, or a header of one's own."""
    named = terms.settings.get("header", HEADER).lower()
    sent = received.header(named) or received.query.get("code", "")
    return matched(terms, lambda secret: same(sent, secret.text)) if sent else MISSING


def read(received: Received, _terms: Terms) -> Told:
    """Read what a step changed, over the image of the record after it."""
    context = an_object(parsed(received.body), "the body")
    entity = text_of(context.get("PrimaryEntityName")) or ""
    message = text_of(context.get("MessageName")) or ""
    operation, id_ = text_of(context.get("OperationId")), text_of(context.get("PrimaryEntityId"))
    if not operation:
        raise Unreadable("OperationId is missing")
    # A step that runs inside the user's own request has no operation of its own.
    key = f"{operation}:{message}" if operation != _NOBODY else digest_key(received.body)
    fields = {
        **_attributes(context.get("PostEntityImages")),
        **_attributes(context.get("InputParameters")),
    }
    if message in _CLOSED_BY:
        # What is closed stands in the activity that closes it.
        entity = "opportunity"
        id_ = id_ if id_ and id_ != _NOBODY else fields.get("opportunityid")
        fields["statecode"] = _CLOSED_BY[message]
    what, kind = f"{entity}.{message}", KINDS.get(entity)
    if kind is None or not id_ or id_ == _NOBODY:
        return Told((Change(key, what),))
    change = Change(
        key,
        what,
        kind,
        id_,
        instant(fields.get("modifiedon")) or instant(context.get("OperationCreatedOn")),
        fields=fields | more_of(entity, fields),
        deleted=message == "Delete" or None,
        thin=STRIPPED in received.headers and message != "Delete",
    )
    return Told((change,))


def more_of(entity: str, fields: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return what follows from several of a record's fields.

    The same number says one thing of a lead and another of an opportunity. An opportunity is worth what was
    estimated until it is won, and then what was sold.
    """
    found: dict[str, str | None] = {}
    if (state := fields.get("statecode")) is not None:
        found[f"{entity}.statecode"] = state
    sold = fields.get("actualvalue") or fields.get("actualrevenue")
    if state == _WON and sold is not None:
        found[f"{entity}.value"] = sold
    elif "estimatedvalue" in fields:
        found[f"{entity}.value"] = fields["estimatedvalue"]
    return found


def _attributes(entries: object) -> dict[str, str | None]:
    found: dict[str, Any] = {}
    for entry in entries if isinstance(entries, Sequence) else ():
        value = entry.get("value") if isinstance(entry, dict) else None
        for attribute in (value.get("Attributes") or ()) if isinstance(value, dict) else ():
            if isinstance(attribute, dict) and isinstance(attribute.get("key"), str):
                found[attribute["key"]] = attribute.get("value")
    return flat(found)
