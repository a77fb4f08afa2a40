"""Zoho's records by their ids, up to a hundred in one question."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from gateway.domain.crm_api.calls import Call, Reply, record
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


def authorized(token: str) -> Mapping[str, str]:
    """Return Zoho's own form of an authorization."""
    return {"authorization": f"Zoho-oauthtoken {token}"}


def read(kind: Kind, ids: tuple[str, ...], fields: frozenset[str]) -> Call:
    """Return the question for some records; the vendor wants the fields named, at most fifty."""
    # `Owner.id` of a mapping is inside the field `Owner`.
    names = sorted({name.partition(".")[0] for name in fields} - {_MODIFIED})
    query = {"ids": ",".join(ids), "fields": ",".join([_MODIFIED, *names][:MAX_FIELDS])}
    return Call("GET", f"/crm/v6/{_MODULES[kind]}?{urlencode(query)}")


def records(kind: Kind, reply: Reply) -> tuple[Change, ...]:
    """Return the records of an answer; 204 says that none of them is there."""
    if reply.status == 204:
        return ()
    found = a_list(reply.content().get("data"), "data")
    return tuple(_record(kind, an_object(one, "a record")) for one in found)


def _record(kind: Kind, one: Mapping[str, Any]) -> Change:
    id_ = text_of(one.get("id"))
    if not id_:
        raise Unreadable("a record has no id")
    return record(kind, id_, instant(one.get(_MODIFIED)), flat(one))
