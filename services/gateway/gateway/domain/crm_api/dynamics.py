"""Dataverse's Web API: one row at a time, by its id."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.domain.crm_api.calls import Call, Reply, record
from gateway.domain.webhooks.reading import Change, Kind, Unreadable, flat, instant

_SETS: Final[Mapping[Kind, str]] = {"deal": "opportunities", "lead": "leads"}
_NAMES: Final[Mapping[Kind, str]] = {"deal": "opportunity", "lead": "lead"}
_LOOKUP: Final = re.compile(r"_(\w+)_value", re.ASCII)
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_CURRENCY: Final = "$expand=transactioncurrencyid($select=isocurrencycode)"
_HEADERS: Final = {"odata-version": "4.0", "accept": "application/json"}


def read(kind: Kind, ids: tuple[str, ...], _fields: frozenset[str]) -> Call:
    """Return the question for a row with all its columns: one that is named and not there fails the whole."""
    (id_,) = ids
    if not _GUID.fullmatch(id_):
        raise Unreadable("the id is no GUID")
    more = f"?{_CURRENCY}" if kind == "deal" else ""
    return Call("GET", f"/api/data/v9.2/{_SETS[kind]}({id_}){more}", headers=_HEADERS)


def records(kind: Kind, reply: Reply) -> tuple[Change, ...]:
    """Return the row of an answer, as a step of it would have sent it; 404 says that it is not there."""
    if reply.status == 404:
        return ()
    row = {
        (found[1] if (found := _LOOKUP.fullmatch(name)) else name): value
        for name, value in flat(reply.content()).items()
        if "@" not in name
    }
    entity = _NAMES[kind]
    id_ = row.get(f"{entity}id")
    if not id_:
        raise Unreadable("the row has no id")
    row[f"{entity}.statecode"] = row.get("statecode")
    return (record(kind, id_, instant(row.get("modifiedon")), row),)
