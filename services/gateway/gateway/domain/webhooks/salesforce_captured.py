"""Salesforce's captured changes, posted to us by whoever listens to its bus: it never pushes them itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Told,
    Unreadable,
    a_list,
    an_object,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import Received, Terms

_KINDS: Final[Mapping[str, Kind]] = {"Opportunity": "deal", "Lead": "lead"}
_HEADER: Final = "ChangeEventHeader"
_DELETIONS: Final = {"DELETE": True, "UNDELETE": False}
# Of a gap there is no record to read here: the next comparison with the CRM closes it.
_TELLING: Final = frozenset({"CREATE", "UPDATE", "DELETE", "UNDELETE"})


def read(received: Received, _terms: Terms) -> Told:
    """Read one event or a list of them; each may speak of several records that changed alike."""
    content = parsed(received.body)
    events = a_list(content if isinstance(content, list) else [content], "the events")
    return Told(tuple(change for event in events for change in _changes(event)))


def _changes(content: Any) -> Sequence[Change]:
    event = an_object(content, "an event")
    payload = an_object(event.get("payload", event), "payload")
    header = an_object(payload.get(_HEADER), _HEADER)
    what, how = text_of(header.get("entityName")) or "", text_of(header.get("changeType")) or ""
    order, transaction = header.get("sequenceNumber"), text_of(header.get("transactionKey"))
    if not transaction:
        raise Unreadable("transactionKey is missing")
    kind, named = _KINDS.get(what), f"{what}.{how}"
    at, tie = instant(header.get("commitTimestamp")), (text_of(order) or "").zfill(10)
    fields = _fields(payload, header)
    changes = []
    for each in a_list(header.get("recordIds"), "recordIds"):
        id_ = text_of(each) or ""
        key = f"cdc:{transaction}:{order}:{id_}"
        if kind is None or how not in _TELLING or not id_ or id_.endswith("*"):
            changes.append(Change(key, named))
            continue
        deleted = _DELETIONS.get(how)
        changes.append(Change(key, named, kind, id_, at, tie, fields, deleted=deleted))
    return changes


def _fields(payload: Mapping[str, Any], header: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what is told: without a value is only what the header says was emptied, the rest was left out."""
    emptied = {
        name
        for part in ("nulledFields", "changedFields")
        for name in a_list(header.get(part) or [], part)
        if isinstance(name, str) and payload.get(name) is None
    }
    said = {name: value for name, value in payload.items() if name != _HEADER}
    told = {name: value for name, value in flat(said).items() if value is not None}
    return {**told, **dict.fromkeys(emptied)}
