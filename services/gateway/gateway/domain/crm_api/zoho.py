"""Zoho's records by their ids, up to a hundred in one question."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from gateway.domain.crm_api.calls import Call, Opening, Reply, record
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
_WATCH: Final = "/crm/v8/actions/watch"
_CODE: Final = re.compile(r"[A-Z][A-Z_]{1,39}", re.ASCII)


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
