"""Zoho's records by their ids, up to a hundred in one question."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from gateway.domain.crm_api.calls import Call, Mark, Opening, Page, Reply, record
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

MAX_IDS: Final = 100
MAX_FIELDS: Final = 50
_MODULES: Final[Mapping[Kind, str]] = {"deal": "Deals", "lead": "Leads"}
_MODIFIED: Final = "Modified_Time"
_PAGE: Final = 200
_ID: Final = re.compile(r"\d{1,20}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)  # an API name can be nothing else
_WATCH: Final = "/crm/v8/actions/watch"
_CODE: Final = re.compile(r"[A-Z][A-Z_]{1,39}", re.ASCII)


def authorized(token: str) -> Mapping[str, str]:
    """Return Zoho's own form of an authorization."""
    return {"authorization": f"Zoho-oauthtoken {token}"}


def read(kind: Kind, ids: tuple[str, ...], fields: frozenset[str]) -> Call:
    """Return the question for some records; the vendor wants the fields named, at most fifty."""
    query = {"ids": ",".join(ids), "fields": ",".join(_names(fields))}
    return Call("GET", f"/crm/v6/{_MODULES[kind]}?{urlencode(query)}")


def _names(fields: frozenset[str]) -> list[str]:
    """Return the fields to ask for; `Owner.id` of a mapping is inside the field `Owner`."""
    names = {name.partition(".")[0] for name in fields} - {_MODIFIED}
    return [_MODIFIED, *sorted(filter(_NAME.fullmatch, names))][:MAX_FIELDS]


def records(kind: Kind, reply: Reply) -> tuple[Change, ...]:
    """Return the records of an answer; 204 says that none of them is there."""
    if reply.status == 204:
        return ()
    found = a_list(reply.content().get("data"), "data")
    return tuple(_record(kind, an_object(one, "a record")) for one in found)


class Queried:
    """The changes by query, in the order of their time and then of their ids: nothing is counted from the first."""

    kinds: tuple[Kind, ...] = ("deal", "lead")

    def changed(self, kind: Kind, mark: Mark, fields: frozenset[str]) -> Call:
        """Return the query for what comes behind the mark; the vendor wants conditions in pairs."""
        at = mark.since.isoformat(timespec="seconds")
        behind = f"{_MODIFIED} >= '{at}'"
        if mark.after:
            if not _ID.fullmatch(mark.after):
                raise Unreadable("the mark holds no id")
            behind = f"({_MODIFIED} > '{at}' or ({_MODIFIED} = '{at}' and id > {mark.after}))"
        query = (
            f"select {', '.join(_names(fields))} from {_MODULES[kind]} where {behind}"
            f" order by {_MODIFIED} asc, id asc limit 0, {_PAGE}"
        )
        return Call("POST", "/crm/v8/coql", {"select_query": query})

    def page(self, kind: Kind, _mark: Mark, reply: Reply) -> Page:
        """Return the records of an answer."""
        found = records(kind, reply)
        if len(found) < _PAGE:
            return Page(found, None)
        last = found[-1]
        if last.at is None:
            raise Unreadable("a record does not say when it changed")
        return Page(found, Mark(last.at, last.external_id))


class Watched:
    """Its notification channels: open for a week at most, for an hour if nothing is said."""

    lasts = timedelta(days=7) - timedelta(minutes=10)  # our clocks may differ
    forgotten = "NOT_SUBSCRIBED"

    def opened(self, opening: Opening) -> Call:
        """Return the question for a channel that tells of everything that happens to deals and leads."""
        return Call("POST", _WATCH, _watch(opening))

    def renewed(self, opening: Opening) -> Call:
        """Return the question for a longer life, under the secret and at the address of now."""
        return Call("PATCH", _WATCH, _watch(opening))

    def heard(self, reply: Reply, opening: Opening) -> datetime | str:
        """Return until when the first of its events ends, or the code of a refusal."""
        content = reply.content()
        answers = content.get("watch")
        answer = (
            an_object(answers[0], "an answer") if isinstance(answers, list) and answers else content
        )
        if reply.status >= 300 or answer.get("status") != "success":
            code = text_of(answer.get("code")) or ""
            return code if _CODE.fullmatch(code) else f"status {reply.status}"
        details = answer.get("details")
        events = details.get("events") if isinstance(details, dict) else None
        ends = [
            instant(event.get("channel_expiry"))
            for event in (events if isinstance(events, list) else ())
            if isinstance(event, dict)
        ]
        return min([opening.until, *(at for at in ends if at is not None)])


def _watch(opening: Opening) -> Mapping[str, Any]:
    channel = {
        "channel_id": opening.id,
        "events": [f"{module}.all" for module in _MODULES.values()],
        "channel_expiry": opening.until.isoformat(timespec="seconds"),
        "token": opening.token,
        "notify_url": opening.url,
    }
    return {"watch": [channel]}


def _record(kind: Kind, one: Mapping[str, Any]) -> Change:
    id_ = text_of(one.get("id"))
    if not id_:
        raise Unreadable("a record has no id")
    return record(kind, id_, instant(one.get(_MODIFIED)), flat(one))
