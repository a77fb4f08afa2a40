"""Small CRMs on loopback that answer as their vendors' documentation says, and write down what was asked."""

import asyncio
import base64
import json
import re
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

import uvicorn

TOKEN = "a token of the CRM"


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class FakeCrm:
    """The records of an account, and what was asked; `answers` are given before any other."""

    provider: str
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    token: str = TOKEN
    oauth: bool = False  # takes only tokens that it gave out itself
    client: tuple[str, str] = ("our client", "a secret of our client")
    refresh_token: str | None = "a refresh token 0"
    rotates: bool = False  # gives another refresh token with each token
    life_s: int | None = 3600
    given: int = 0
    channels: dict[int, dict[str, Any]] = field(default_factory=dict)
    url: str = ""

    def put(self, what: str, id_: str, **fields: Any) -> None:
        self.records.setdefault(what, {})[id_] = fields

    async def __call__(self, scope, receive, send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = {
            name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()
        }
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = Asked(scope["method"], scope["path"], query, headers, _content(headers, body))
        self.asked.append(asked)
        status, more_headers, content = self._answer(asked)
        out = b"" if content is None else json.dumps(content).encode()
        raw = [(name.encode(), value.encode()) for name, value in more_headers.items()]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), *raw],
            }
        )
        await send({"type": "http.response.body", "body": out})

    def _answer(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        if self.answers:
            return self.answers.pop(0)
        if asked.path.endswith("/token"):
            return self._give(asked)
        return globals()[f"_{self.provider.replace('-', '_')}"](self, asked)

    @property
    def token_questions(self) -> list[Asked]:
        return [one for one in self.asked if one.path.endswith("/token")]

    def _give(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        form = asked.body
        client = (form.get("client_id"), form.get("client_secret"))
        if "authorization" in asked.headers:
            pair = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
            client = tuple(unquote_plus(half) for half in pair.split(":"))
        if client != self.client:
            return 401, {}, {"error": "invalid_client"}
        wanted = "refresh_token" if self.refresh_token else "client_credentials"
        if form["grant_type"] != wanted or form.get("refresh_token") != self.refresh_token:
            said = {"error": "invalid_grant", "error_description": f"no {form} here"}
            return (200 if self.provider == "zoho" else 400), {}, said
        self.given += 1
        self.token = f"{TOKEN} {self.given}"
        answer = {"access_token": self.token, "token_type": "bearer"}
        if self.life_s is not None:
            answer["expires_in"] = self.life_s
        if self.rotates and self.refresh_token:
            self.refresh_token = answer["refresh_token"] = f"a refresh token {self.given}"
        return 200, {}, answer


def _content(headers: dict[str, str], body: bytes) -> Any:
    if headers.get("content-type") == "application/x-www-form-urlencoded":
        return {name: value for name, (value,) in parse_qs(body.decode()).items()}
    return json.loads(body) if body else None


def _hubspot(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    if asked.headers.get("authorization") != f"Bearer {crm.token}":
        return 401, {}, {"status": "error", "category": "INVALID_AUTHENTICATION"}
    what = asked.path.split("/")[4]
    known = crm.records.get(what, {})
    if asked.path.endswith("/batch/read"):
        return _hubspot_batch(crm, known, asked.body)
    return _hubspot_search(known, asked.body)


def _hubspot_batch(crm, known, body):
    ids = [one["id"] for one in body["inputs"]]
    assert len(ids) <= 100
    if crm.poison & set(ids):
        return 400, {}, {"status": "error", "category": "VALIDATION_ERROR"}
    there = [_hubspot_object(id_, known[id_], body["properties"]) for id_ in ids if id_ in known]
    missing = [id_ for id_ in ids if id_ not in known]
    answer = {"status": "COMPLETE", "results": there}
    if not missing:
        return 200, {}, answer
    error = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": missing}}
    return 207, {}, {**answer, "numErrors": 1, "errors": [error]}


def _hubspot_object(id_, fields, properties):
    wanted = {name: fields.get(name) for name in {*properties, "hs_object_id", "createdate"}}
    return {
        "id": id_,
        "properties": {**wanted, "hs_object_id": id_},
        "updatedAt": fields.get("hs_lastmodifieddate") or fields.get("lastmodifieddate"),
        "archived": False,
    }


def _hubspot_search(known, body):
    (group,) = body["filterGroups"]
    (sort,) = body["sorts"]
    assert body.get("after") is None, "nobody may count past ten thousand"
    assert body["limit"] <= 200

    def value(id_, name):
        if name == "hs_object_id":
            return int(id_)
        return _ms(known[id_][name])

    def fits(id_):
        operators = {"GTE": int.__ge__, "GT": int.__gt__, "EQ": int.__eq__}
        return all(
            operators[one["operator"]](value(id_, one["propertyName"]), int(one["value"]))
            for one in group["filters"]
        )

    found = sorted(filter(fits, known), key=lambda id_: value(id_, sort["propertyName"]))
    page = [_hubspot_object(id_, known[id_], body["properties"]) for id_ in found[: body["limit"]]]
    return 200, {}, {"total": len(found), "results": page}


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def _zoho(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    if asked.headers.get("authorization") != f"Zoho-oauthtoken {crm.token}":
        return 401, {}, {"code": "INVALID_TOKEN", "status": "error"}
    if asked.path == "/crm/v8/actions/watch":
        return _zoho_watch(crm, asked)
    if asked.path == "/crm/v8/coql":
        return _zoho_query(crm, asked.body["select_query"])
    assert len(asked.query["fields"].split(",")) <= 50
    known = crm.records.get(asked.path.split("/")[-1], {})
    found = [{"id": id_, **known[id_]} for id_ in asked.query["ids"].split(",") if id_ in known]
    return (200, {}, {"data": found, "info": {}}) if found else (204, {}, None)


def _zoho_watch(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    (wanted,) = asked.body["watch"]
    id_, until = wanted["channel_id"], datetime.fromisoformat(wanted["channel_expiry"])
    assert 0 < id_ < 1 << 63
    assert until < datetime.now(UTC) + timedelta(days=7), "a week at most"
    assert len(wanted["token"]) <= 50
    if asked.method == "PATCH" and id_ not in crm.channels:
        return 400, {}, {"watch": [{"code": "NOT_SUBSCRIBED", "status": "error", "details": {}}]}
    crm.channels[id_] = wanted
    events = [
        {"channel_expiry": wanted["channel_expiry"], "resource_name": one.partition(".")[0],
         "channel_id": str(id_)}
        for one in wanted["events"]
    ]  # fmt: skip
    answer = {"code": "SUCCESS", "status": "success", "details": {"events": events}}
    return 201, {}, {"watch": [answer]}


def _dynamics(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    if asked.headers.get("authorization") != f"Bearer {crm.token}":
        return 401, {}, {"error": {"code": "0x80041d70"}}
    what, _, id_ = asked.path.split("/")[-1].partition("(")
    if not id_:
        return _dynamics_list(crm, asked, what)
    known = crm.records.get(what, {}).get(id_.rstrip(")"))
    if known is None:
        return 404, {}, {"error": {"code": "0x80040217"}}
    return 200, {}, {"@odata.context": "x", **known}


_QUERY = re.compile(
    r"select (?P<fields>[\w, ]+) from (?P<module>\w+) where "
    r"(?:Modified_Time >= '(?P<since>[^']+)'"
    r"|\(Modified_Time > '(?P<at>[^']+)' or \(Modified_Time = '(?P=at)' and id > (?P<id>\d+)\)\))"
    r" order by Modified_Time asc, id asc limit 0, (?P<limit>\d+)"
)


def _zoho_query(crm: FakeCrm, query: str) -> tuple[int, dict[str, str], Any]:
    found = _QUERY.fullmatch(query)
    assert found is not None, query
    limit, fields = int(found["limit"]), found["fields"].split(", ")
    assert limit <= 2000
    assert len(fields) <= 50

    def place(id_: str) -> tuple[datetime, int]:
        return datetime.fromisoformat(known[id_]["Modified_Time"]), int(id_)

    known = crm.records.get(found["module"], {})
    behind = (datetime.fromisoformat(found["since"] or found["at"]), int(found["id"] or -1))
    ids = [id_ for id_ in sorted(known, key=place) if place(id_) > behind]
    rows = [{"id": id_, **{name: known[id_].get(name) for name in fields}} for id_ in ids[:limit]]
    more = {"more_records": len(ids) > limit, "count": len(rows)}
    return (200, {}, {"data": rows, "info": more}) if rows else (204, {}, None)


def _dynamics_list(crm: FakeCrm, asked: Asked, what: str) -> tuple[int, dict[str, str], Any]:
    assert asked.query["$orderby"] == "modifiedon"
    words = asked.query["$filter"].split(" ")
    assert words[:2] == ["modifiedon", "ge"]
    size = int(asked.headers["prefer"].removeprefix("odata.maxpagesize="))
    known = crm.records.get(what, {}).values()
    since = datetime.fromisoformat(words[2])
    found = sorted(
        (one for one in known if datetime.fromisoformat(one["modifiedon"]) >= since),
        key=lambda one: one["modifiedon"],
    )
    first = int(asked.query.get("$skiptoken", "0"))
    answer: dict[str, Any] = {"@odata.context": "x", "value": found[first : first + size]}
    if first + size < len(found):
        query = {**asked.query, "$skiptoken": str(first + size)}
        answer["@odata.nextLink"] = f"{crm.url}{asked.path}?{urlencode(query)}"
    return 200, {}, answer


def _pipedrive_leads(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    assert asked.query["sort"] == "update_time DESC"
    first, limit = int(asked.query["start"]), int(asked.query["limit"])
    assert limit <= 500
    known = crm.records.get("leads", {}).values()
    found = sorted(known, key=lambda one: one["update_time"], reverse=True)
    more = first + limit < len(found)
    pagination = {"start": first, "limit": limit, "more_items_in_collection": more}
    page = found[first : first + limit] or None
    return 200, {}, {"success": True, "data": page, "additional_data": {"pagination": pagination}}


def _pipedrive(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    sent = asked.headers.get("authorization" if crm.oauth else "x-api-token")
    if sent != (f"Bearer {crm.token}" if crm.oauth else crm.token):
        return 401, {}, {"success": False, "error": "unauthorized access"}
    if asked.path == "/api/v1/leads":
        return _pipedrive_leads(crm, asked)
    known = crm.records.get("deals", {})
    since = datetime.fromisoformat(asked.query["updated_since"])
    found = sorted(
        (one for one in known.values() if datetime.fromisoformat(one["update_time"]) >= since),
        key=lambda one: one["update_time"],
    )
    first, limit = int(asked.query.get("cursor", "0")), int(asked.query["limit"])
    following = str(first + limit) if first + limit < len(found) else None
    return (
        200,
        {},
        {
            "success": True,
            "data": found[first : first + limit],
            "additional_data": {"next_cursor": following},
        },
    )


def _salesforce(crm: FakeCrm, asked: Asked) -> tuple[int, dict[str, str], Any]:
    if asked.headers.get("authorization") != f"Bearer {crm.token}":
        return 401, {}, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]
    words = asked.query["q"].split(" ")
    assert words[:3] == ["SELECT", "FIELDS(ALL)", "FROM"]
    known = crm.records.get(words[3], {})
    if "IN" in words:
        ids = re.findall(r"'(\w+)'", asked.query["q"])
        rows = [
            {"attributes": {"type": words[3]}, "Id": id_, **known[id_]}
            for id_ in ids
            if id_ in known
        ]
        return 200, {}, {"totalSize": len(rows), "done": True, "records": rows}
    limit = int(words[-1])
    assert limit <= 200, "the vendor's limit of FIELDS(ALL)"
    if words[7] == ">=" or words[6] == ">=":
        since, behind = words[words.index(">=") + 1], ""
    else:
        since, behind = words[words.index(">") + 1], words[-7].strip("')")
    at = datetime.fromisoformat(since)
    found = sorted(
        (datetime.fromisoformat(one["SystemModstamp"]), id_) for id_, one in known.items()
    )
    rows = [
        {"attributes": {"type": words[3]}, "Id": id_, **known[id_]}
        for when, id_ in found
        if when > at or (when == at and id_ > behind)
    ]
    return 200, {}, {"totalSize": len(rows[:limit]), "done": True, "records": rows[:limit]}


@asynccontextmanager
async def serving(crm: FakeCrm):
    """Serve a CRM on loopback until the end of the block."""
    taken = _socket()
    config = uvicorn.Config(crm, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve(sockets=[taken]))
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    crm.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    try:
        yield crm
    finally:
        server.should_exit = True
        await task


def _socket() -> socket.socket:
    """Return a listening socket below the ports that the system hands out by itself."""
    for port in range(21_000, 32_000):
        taken = socket.socket()
        try:
            taken.bind(("127.0.0.1", port))
        except OSError:
            taken.close()
            continue
        return taken
    raise AssertionError("no free port")
