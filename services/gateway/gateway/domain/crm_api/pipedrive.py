"""Pipedrive's deals by the time of their last change (API version 2)."""

from collections.abc import Mapping
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

_PAGE: Final = 500


def authorized(token: str) -> Mapping[str, str]:
    """Return the header of a personal token."""
    return {"x-api-token": token}


class Listed:
    """The changes of deals; leads have no list by time of change."""

    kinds: tuple[Kind, ...] = ("deal",)

    def changed(self, _kind: Kind, mark: Mark, _fields: frozenset[str]) -> Call:
        """Return the question for the next page; the vendor's cursor is good for one round only."""
        query = {
            "updated_since": mark.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sort_by": "update_time",
            "sort_direction": "asc",
            "limit": str(_PAGE),
        }
        if mark.after:
            query["cursor"] = mark.after
        return Call("GET", f"/api/v2/deals?{urlencode(query)}")

    def page(self, _kind: Kind, mark: Mark, reply: Reply) -> Page:
        """Return the deals of a page."""
        content = reply.content()
        found = tuple(
            _deal(an_object(one, "a deal")) for one in a_list(content.get("data"), "data")
        )
        more = content.get("additional_data")
        cursor = text_of(more.get("next_cursor")) if isinstance(more, dict) else None
        return Page(found, Mark(mark.since, cursor) if cursor else None)


def _deal(one: Mapping[str, Any]) -> Change:
    id_ = text_of(one.get("id"))
    if not id_:
        raise Unreadable("a deal has no id")
    deleted = one.get("is_deleted") is True or one.get("status") == "deleted"
    return record(
        "deal", id_, instant(one.get("update_time")), flat(one), deleted=True if deleted else None
    )
