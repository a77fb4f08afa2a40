"""Salesforce's captured changes, posted to us by whoever listens to its bus: it never pushes them itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    Change,
    Told,
    Unreadable,
    a_list,
    an_object,
    flat,
    instant,
    parsed,
    several,
    text_of,
)
from gateway.domain.webhooks.request import Received, Terms
from gateway.domain.webhooks.salesforce import OBJECTS, more_of

_HEADER: Final = "ChangeEventHeader"
_DELETIONS: Final = {"DELETE": True, "UNDELETE": False, "GAP_DELETE": True, "GAP_UNDELETE": False}
_GAP: Final = "GAP_"  # that a record changed, and not how: it has to be read
_OVERFLOW: Final = "GAP_OVERFLOW"  # so much changed that no record is named
_TELLING: Final = frozenset({"CREATE", "UPDATE", "GAP_CREATE", "GAP_UPDATE", *_DELETIONS})


def read(received: Received, _terms: Terms) -> Told:
    """Read one event or a list of them; each may speak of several records that changed alike."""
    content = parsed(received.body)
    events = a_list(content if isinstance(content, list) else [content], "the events")
    return Told(several(events, _changes))


def _changes(content: Any) -> Sequence[Change]:
    event = an_object(content, "an event")
    payload = an_object(event.get("payload", event), "payload")
    header = an_object(payload.get(_HEADER), _HEADER)
    what, how = text_of(header.get("entityName")) or "", text_of(header.get("changeType")) or ""
    order, transaction = header.get("sequenceNumber"), text_of(header.get("transactionKey"))
    if not transaction:
        raise Unreadable("transactionKey is missing")
    kind, named = OBJECTS.get(what), f"{what}.{how}"
    at = instant(header.get("commitTimestamp"))
    # What two transactions did in the same millisecond was committed in the order of their numbers.
    tie = ":".join((text_of(n) or "").zfill(20) for n in (header.get("commitNumber"), order))
    gap, deleted = how.startswith(_GAP), _DELETIONS.get(how)
    told = {} if gap else _fields(payload, header)
    fields = told | more_of(what, told)
    changes = []
    for each in a_list(header.get("recordIds"), "recordIds"):
        id_ = text_of(each) or ""
        key = f"cdc:{transaction}:{order}:{id_}"
        if kind is None or how not in _TELLING or not id_ or id_.endswith("*"):
            # Instead of many records that changed alike their common beginning may stand.
            more = kind is not None and (how == _OVERFLOW or id_.endswith("*"))
            changes.append(Change(key, named, gap=more))
            continue
        thin = gap and not deleted
        changes.append(Change(key, named, kind, id_, at, tie, fields, deleted=deleted, thin=thin))
    return changes


def _fields(payload: Mapping[str, Any], header: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what is told: without a value is only what the header says was emptied, the rest was left out."""
    said = {name: value for name, value in payload.items() if name != _HEADER}
    told = {name: value for name, value in flat(said).items() if value is not None}
    emptied = {
        name
        for part in ("nulledFields", "changedFields")
        for name in a_list(header.get(part) or [], part)
        if isinstance(name, str) and name not in told
    }
    return {**told, **dict.fromkeys(emptied)}
