"""Salesforce's records by SOQL, in the order of `SystemModstamp` and then of their ids."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from gateway.domain.crm_api.calls import Call, Mark, Page, Reply, record
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
from gateway.domain.webhooks.salesforce import more_of

_VERSION: Final = "v62.0"
MAX_IDS: Final = 100
_PAGE: Final = 200  # what the vendor allows where all fields are asked for
_OBJECTS: Final[Mapping[Kind, str]] = {"deal": "Opportunity", "lead": "Lead"}
_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)


def read(kind: Kind, ids: tuple[str, ...], _fields: frozenset[str]) -> Call:
    """Return the query for some records, deleted ones among them."""
    if not all(map(_ID.fullmatch, ids)):
        raise Unreadable("an id is none of Salesforce's")
    named = ", ".join(f"'{one}'" for one in ids)
    return _query(f"SELECT FIELDS(ALL) FROM {_OBJECTS[kind]} WHERE Id IN ({named}) LIMIT {_PAGE}")


def records(kind: Kind, reply: Reply) -> tuple[Change, ...]:
    """Return the records of an answer."""
    rows = a_list(reply.content().get("records"), "records")
    return tuple(_record(kind, an_object(one, "a record")) for one in rows)


def _query(soql: str) -> Call:
    return Call("GET", f"/services/data/{_VERSION}/queryAll?{urlencode({'q': soql})}")


class Queried:
    """The changes by query, deleted records among them.

    All fields are asked for: a query that names one which an organization does not have fails as a whole.
    """

    kinds: tuple[Kind, ...] = ("deal", "lead")

    def changed(self, kind: Kind, mark: Mark, _fields: frozenset[str]) -> Call:
        """Return the query for what comes behind the mark."""
        at = _text(mark.since)
        behind = f"SystemModstamp >= {at}"
        if mark.after:
            if not _ID.fullmatch(mark.after):
                raise Unreadable("the mark holds no id")
            behind = f"(SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{mark.after}'))"
        return _query(
            f"SELECT FIELDS(ALL) FROM {_OBJECTS[kind]} WHERE {behind}"
            f" ORDER BY SystemModstamp, Id LIMIT {_PAGE}"
        )

    def page(self, kind: Kind, _mark: Mark, reply: Reply) -> Page:
        """Return the records of an answer."""
        found = records(kind, reply)
        if len(found) < _PAGE:
            return Page(found, None)
        last = found[-1]
        if last.at is None:
            raise Unreadable("a record does not say when it changed")
        return Page(found, Mark(last.at, last.external_id))


def _record(kind: Kind, one: Mapping[str, Any]) -> Change:
    fields = {name: value for name, value in flat(one).items() if not name.startswith("attributes")}
    id_ = text_of(one.get("Id"))
    if not id_:
        raise Unreadable("a record has no Id")
    at = instant(_with_colon(fields.get("SystemModstamp")))
    fields |= more_of(_OBJECTS[kind], fields)
    return record(kind, id_, at, fields, deleted=True if one.get("IsDeleted") is True else None)


def _with_colon(text: str | None) -> str | None:
    """Return a time as the rest of us write it: the vendor's zone is `+0000`."""
    return f"{text[:-2]}:{text[-2:]}" if text and re.search(r"[+-]\d{4}$", text) else text


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
