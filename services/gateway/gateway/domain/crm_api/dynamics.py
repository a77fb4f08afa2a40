"""Dataverse's Web API: one row by its id, or all of them in the order of their last change."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from gateway.domain.crm_api.calls import Call, Mark, Page, Reply, record
from gateway.domain.webhooks.dynamics import more_of
from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Unreadable,
    a_list,
    an_object,
    flat,
    instant,
    text_of,
)

_PAGE: Final = 500
_ROOT: Final = "/api/data/v9.2/"
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
    return Call("GET", f"{_ROOT}{_SETS[kind]}({id_}){more}", headers=_HEADERS)


def records(kind: Kind, reply: Reply) -> tuple[Change, ...]:
    """Return the rows of an answer, as a step of each would have sent it; 404 says that it is not there."""
    if reply.status == 404:
        return ()
    content = reply.content()
    rows = a_list(content["value"], "value") if "value" in content else [content]
    return tuple(_row(kind, an_object(row, "a row")) for row in rows)


def _row(kind: Kind, content: Mapping[str, Any]) -> Change:
    row = {
        (found[1] if (found := _LOOKUP.fullmatch(name)) else name): value
        for name, value in flat(content).items()
        if "@" not in name
    }
    entity = _NAMES[kind]
    id_ = row.get(f"{entity}id")
    if not id_:
        raise Unreadable("the row has no id")
    return record(kind, id_, instant(row.get("modifiedon")), row | more_of(entity, row))


class Listed:
    """The changes as a list. Where it goes on is the vendor's own link, of which we follow the path alone."""

    kinds: tuple[Kind, ...] = ("deal", "lead")

    def changed(self, kind: Kind, mark: Mark, _fields: frozenset[str]) -> Call:
        """Return the question for the rows that changed since the mark, or for the next page of them."""
        headers = {**_HEADERS, "prefer": f"odata.maxpagesize={_PAGE}"}
        if mark.after:
            return Call("GET", mark.after, headers=headers)
        at = mark.since.strftime("%Y-%m-%dT%H:%M:%SZ")
        options = [f"$filter={quote(f'modifiedon ge {at}')}", "$orderby=modifiedon"]
        if kind == "deal":
            options.append(_CURRENCY)
        return Call("GET", f"{_ROOT}{_SETS[kind]}?{'&'.join(options)}", headers=headers)

    def page(self, kind: Kind, mark: Mark, reply: Reply) -> Page:
        """Return the rows of a page."""
        found = records(kind, reply)
        link = text_of(reply.content().get("@odata.nextLink")) if reply.status != 404 else None
        return Page(found, Mark(mark.since, _path(link, kind)) if link else None)


def _path(link: str, kind: Kind) -> str:
    parts = urlsplit(link)
    if parts.path != f"{_ROOT}{_SETS[kind]}":
        raise Unreadable("the next page is somewhere else")
    return f"{parts.path}?{parts.query}"
