"""Pipedrive's deals by the time of their last change, and its leads from the one that changed last."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from gateway.domain.crm_api.calls import Call, Mark, Page, Reply, record
from gateway.domain.webhooks.pipedrive import fields_of
from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Unreadable,
    a_list,
    an_object,
    instant,
    text_of,
)

_PAGE: Final = 500


def authorized(token: str) -> Mapping[str, str]:
    """Return the header of a personal token."""
    return {"x-api-token": token}


class Listed:
    """The changes. Version 2 lists deals; leads are listed by version 1, which cannot filter by time."""

    kinds: tuple[Kind, ...] = ("deal", "lead")

    def changed(self, kind: Kind, mark: Mark, _fields: frozenset[str]) -> Call:
        """Return the question for the next page; the vendor's place in a list is good for one round only."""
        return _leads(mark) if kind == "lead" else _deals(mark)

    def page(self, kind: Kind, mark: Mark, reply: Reply) -> Page:
        """Return the records of a page."""
        content = reply.content()
        rows = a_list(content.get("data") or [], "data")
        found = tuple(_record(kind, an_object(one, "a record")) for one in rows)
        more = content.get("additional_data")
        more = more if isinstance(more, dict) else {}
        if kind == "lead":
            return _newest_first(found, mark, more)
        cursor = text_of(more.get("next_cursor"))
        return Page(found, Mark(mark.since, cursor) if cursor else None)


def _deals(mark: Mark) -> Call:
    query = {
        "updated_since": mark.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sort_by": "update_time",
        "sort_direction": "asc",
        "limit": str(_PAGE),
    }
    if mark.after:
        query["cursor"] = mark.after
    return Call("GET", f"/api/v2/deals?{urlencode(query)}")


def _leads(mark: Mark) -> Call:
    query = {"sort": "update_time DESC", "limit": str(_PAGE), "start": mark.after or "0"}
    return Call("GET", f"/api/v1/leads?{urlencode(query)}")


def _newest_first(found: tuple[Change, ...], mark: Mark, more: Mapping[str, Any]) -> Page:
    """Return what changed since the mark; behind the first that did not there is nothing more.

    A lead that changes between two pages moves to the front: another one comes twice, and the next round,
    which begins before this one's newest, reads the one that moved.
    """
    news = tuple(one for one in found if one.at is None or one.at >= mark.since)
    pagination = more.get("pagination")
    on = isinstance(pagination, dict) and pagination.get("more_items_in_collection") is True
    if not on or len(news) < len(found):
        return Page(news, None)
    return Page(news, Mark(mark.since, str(int(mark.after or 0) + len(found))))


def _record(kind: Kind, one: Mapping[str, Any]) -> Change:
    id_ = text_of(one.get("id"))
    if not id_:
        raise Unreadable("a record has no id")
    deleted = one.get("is_deleted") is True or one.get("status") == "deleted"
    at = instant(one.get("update_time"))
    return record(kind, id_, at, fields_of(one), deleted=True if deleted else None)
