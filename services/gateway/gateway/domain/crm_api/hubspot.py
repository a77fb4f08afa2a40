"""HubSpot's CRM objects: read in batches, searched by the time of their last change."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.domain.crm_api.calls import BEGINNING, Call, Mark, Page, Reply, record
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
_PAGE: Final = 100
_MS: Final = timedelta(milliseconds=1)
_OBJECTS: Final[Mapping[Kind, str]] = {"deal": "deals", "lead": "contacts"}
# A contact's time of change has another name than that of every other object.
_MODIFIED: Final[Mapping[Kind, str]] = {"deal": "hs_lastmodifieddate", "lead": "lastmodifieddate"}


def read(kind: Kind, ids: tuple[str, ...], fields: frozenset[str]) -> Call:
    """Return the question for up to a hundred records."""
    body = {
        "properties": sorted(fields | {_MODIFIED[kind]}),
        "inputs": [{"id": one} for one in ids],
    }
    return Call("POST", f"/crm/v3/objects/{_OBJECTS[kind]}/batch/read", body)


def records(kind: Kind, reply: Reply) -> tuple[Change, ...]:
    """Return the records of an answer; of several asked for, those that are not there are left out (207)."""
    found = a_list(reply.content().get("results"), "results")
    return tuple(_record(kind, an_object(one, "a result")) for one in found)


def _record(kind: Kind, one: Mapping[str, Any]) -> Change:
    id_, properties = text_of(one.get("id")), an_object(one.get("properties"), "properties")
    if not id_:
        raise Unreadable("a result has no id")
    fields = {name: value or None for name, value in flat(properties).items()}
    at = instant(fields.get(_MODIFIED[kind])) or instant(one.get("updatedAt"))
    return record(kind, id_, at, fields, deleted=True if one.get("archived") is True else None)


class Searched:
    """The changes by search.

    A search gives up after 10,000 results, so no page is counted from the first: each begins at the time
    where the one before it ended. Where one instant fills a page (an import does that), its records are
    gone through by their ids.
    """

    kinds: tuple[Kind, ...] = ("deal", "lead")

    def changed(self, kind: Kind, mark: Mark, fields: frozenset[str]) -> Call:
        """Return the search for what changed since the mark, or at its very instant."""
        modified, at = _MODIFIED[kind], str(_ms(mark.since))
        filters = [{"propertyName": modified, "operator": "GTE", "value": at}]
        sort = modified
        if mark.after:
            filters[0]["operator"] = "EQ"
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": mark.after})
            sort = "hs_object_id"
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": sorted(fields | {modified}),
            "limit": _PAGE,
        }
        return Call("POST", f"/crm/v3/objects/{_OBJECTS[kind]}/search", body)

    def page(self, kind: Kind, mark: Mark, reply: Reply) -> Page:
        """Return what was found, and where the next search begins."""
        found = records(kind, reply)
        full = len(found) >= _PAGE
        if mark.after:
            following = Mark(mark.since, found[-1].external_id) if full else Mark(mark.since + _MS)
            return Page(found, following)
        if not full:
            return Page(found, None)
        last = found[-1].at
        if last is None:
            raise Unreadable("a result does not say when it changed")
        if _ms(last) == _ms(mark.since):
            return Page((), Mark(mark.since, "0"))
        # What shares the last time may go on behind the page: it is left to the next one, whole.
        return Page(tuple(one for one in found if one.at != last), Mark(last))


def _ms(at: datetime) -> int:
    return (at - BEGINNING) // _MS
