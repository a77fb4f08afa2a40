"""Bad input that is no text, or that shows the cost of reading it: refused, and nothing else happens.

What can be written down is in `tests/api/bad_input` and goes through the gateway. Each row here: its name,
the request, the status and the code. For all of them: problem+json, nothing written, nothing of the input
repeated, and the next request is served.
"""

import asyncio
import gzip
import json

import pytest

from onefunnel.clock import SystemClock
from onefunnel.http import incoming
from onefunnel.http.principal import HEADER, sign_principal
from onefunnel.http.problems import Problem

from .asgi import Request
from .conftest import ANNA, KEY, _app

CANARY = "canary-5f1e"
JSON = (b"content-type", b"application/json")
MIB = 1 << 20


def defaults() -> tuple[tuple[bytes, bytes], ...]:
    who = sign_principal(ANNA, KEY, SystemClock().now()).encode()
    return (
        (b"host", b"things.example"),
        (b"accept", b"*/*"),
        (HEADER.lower().encode(), who),
    )


def body(content: bytes, *headers: tuple[bytes, bytes]) -> Request:
    return Request(headers=headers or (JSON,), chunks=[content])


def named(value: str) -> Request:
    return body(b'{"name":' + value.encode() + b"}")


def header(name: bytes, value: bytes) -> Request:
    return Request(headers=[JSON, (name, value)], chunks=[b'{"name":"x"}'])


def query(text: bytes) -> Request:
    return Request("GET", query=text)


def field(text: str) -> Request:
    return body(('{"name":"x",' + text + "}").encode())


MALFORMED = (400, "malformed-json")
INVALID = (422, "validation-failed")
REQUEST = (400, "malformed-request")
ENCODING = (415, "unsupported-encoding")
LARGE = (413, "payload-too-large")

A = {
    # transport and syntax: bytes that are no text, and what a page of rows would be too long for
    "10 invalid UTF-8": (body(b'{"name":"\xff"}'), *MALFORMED),
    "10 overlong UTF-8": (body(b'{"name":"\xc0\x80"}'), *MALFORMED),
    "10 surrogate in UTF-8": (body(b'{"name":"\xed\xa0\x80"}'), *MALFORMED),
    "11 UTF-16": (body('{"name":"x"}'.encode("utf-16")), *MALFORMED),
    "11 UTF-16 without mark": (body('{"name":"x"}'.encode("utf-16-le")), *MALFORMED),
    "11 UTF-32": (body('{"name":"x"}'.encode("utf-32")), *MALFORMED),
    "15 NUL deep in JSON": (field('"flags":{"a":[{"b":"\\u0000"}]}'), *INVALID),
    "16 nesting 33": (field(f'"flags":{{"x":{"[" * 31}{"]" * 31}}}'), *MALFORMED),
    "17 5,000 digits": (field('"count":' + "9" * 5_000), *MALFORMED),
    "23 gzip": (
        body(gzip.compress(b'{"name":"x"}'), JSON, (b"content-encoding", b"gzip")),
        *ENCODING,
    ),
    "26 truncated gzip": (
        body(gzip.compress(b'{"name":"x"}')[:-9], JSON, (b"content-encoding", b"gzip")),
        *ENCODING,
    ),
    "28 too large in chunks": (Request(headers=[JSON], chunks=[b"x" * 65_536] * 40), *LARGE),
    "32 100,000 keys": (
        body(b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}"),
        *MALFORMED,
    ),
    "44 gone before the end": (
        Request(headers=[JSON], chunks=[b'{"name":'], disconnect=True),
        *REQUEST,
    ),
}

B = {
    # values that pydantic would repair
    "58 unknown field": (field('"colour":"canary-5f1e"'), *INVALID),
    "59 tenant_id": (field('"tenant_id":"canary-5f1e"'), *INVALID),
    "59 __proto__": (field('"__proto__":{}'), *INVALID),
    "59 a field with a strange name": (field('"canary-5f1e \\"":1'), *INVALID),
    "60 naive time": (field('"at":"2026-01-01T00:00:00"'), *INVALID),
    "61 epoch": (field('"at":1700000000'), *INVALID),
    "61 epoch as text": (field('"at":"1700000000"'), *INVALID),
    "63 too early": (field('"at":"1989-12-31T23:59:59Z"'), *INVALID),
    "64 too late": (field('"at":"9999-12-31T23:59:59-12:00"'), *INVALID),
    "65 year 0000": (field('"at":"0000-01-01T00:00:00Z"'), *INVALID),
    "65 year -0001": (field('"at":"-0001-01-01T00:00:00Z"'), *INVALID),
    "65 year 10000": (field('"at":"10000-01-01T00:00:00Z"'), *INVALID),
    "66 30 February": (field('"at":"2026-02-30T00:00:00Z"'), *INVALID),
    "66 25 o'clock": (field('"at":"2026-01-01T25:00:00Z"'), *INVALID),
    "66 leap second": (field('"at":"2026-12-31T23:59:60Z"'), *INVALID),
    "67 offset": (field('"at":"2026-01-01T00:00:00+99:00"'), *INVALID),
    "67 other digits": (field('"at":"२०२६-01-01T00:00:00Z"'), *INVALID),
    "67 space": (field('"at":"2026-01-01 00:00:00Z"'), *INVALID),
    "75 true as integer": (field('"count":true'), *INVALID),
    "75 1.0 as integer": (field('"count":1.0'), *INVALID),
    "75 text as integer": (field('"count":"1"'), *INVALID),
    "75 number as text": (named("1"), *INVALID),
    "an id in capitals": (field('"other":"01A20338-A301-731C-A561-4DA147C5D0C7"'), *INVALID),
    "an id in braces": (field('"other":"{01a20338-a301-731c-a561-4da147c5d0c7}"'), *INVALID),
    "an id without dashes": (field('"other":"01a20338a301731ca5614da147c5d0c7"'), *INVALID),
    "an empty name": (named('"  "'), *INVALID),
    "a name too long": (named(json.dumps("x" * 201)), *INVALID),
}

F = {
    "134 raw bytes": (query(b"name=\xff"), *REQUEST),
}

ROWS = {**A, **B, **F}


@pytest.mark.parametrize("name", ROWS)
async def test_bad_input_is_refused_and_leaves_nothing(things, name):
    request, status, code = ROWS[name]
    answer = await request.to(things.app, *defaults())

    problem = answer.json()
    assert (answer.status, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert answer.headers["x-request-id"] == problem["request_id"]
    assert CANARY.encode() not in answer.body
    assert await things.names() == []
    assert await things.owner.fetchval("SELECT count(*) FROM idempotency") == 0
    good = body(b'{"name":"good","at":"2026-01-01T00:00:00.123456+02:00"}')
    assert (await good.to(things.app, *defaults())).status == 201


POINTERS = {
    "58 unknown field": "/colour",
    "59 tenant_id": "/tenant_id",
    "59 a field with a strange name": "",
    "15 NUL deep in JSON": "/flags/a/0/b",
    "60 naive time": "/at",
    "75 true as integer": "/count",
}


@pytest.mark.parametrize("name", POINTERS)
async def test_an_invalid_value_is_pointed_at(things, name):
    answer = await ROWS[name][0].to(things.app, *defaults())
    assert answer.json()["errors"][0]["pointer"] == POINTERS[name]


GOOD = {
    "32 levels": field(f'"flags":{{"x":{"[" * 30}{"]" * 30}}}'),
    "brackets in text": named(json.dumps("[{" * 90)),
    "escaped quotes in text": named(json.dumps('"[' * 90)),
    "a backslash and u0000": named('"\\\\u0000"'),
    "a pair of surrogates": named('"\\ud83d\\ude00"'),
    "any script": named(json.dumps("Zoë 東京 😀", ensure_ascii=False)),
    "the same key in two objects": field('"flags":{"a":{"b":1},"c":{"b":1}}'),
    "charset": body(b'{"name":"x"}', (b"content-type", b"Application/JSON; charset=UTF-8")),
    "many small objects": field('"flags":{"x":[' + ",".join(["{}"] * 5_000) + "]}"),
    "body of exactly 1 MiB": body(b'{"name":"x"' + b" " * (MIB - 12) + b"}"),
    "in chunks": Request(headers=[JSON], chunks=[b'{"name":', b'"x"', b"}"]),
    "40 a browser": Request(
        headers=[JSON, (b"accept", b"text/html,*/*;q=0.8")], chunks=[b'{"name":"x"}']
    ),
    "41 method override": Request(
        headers=[JSON, (b"x-http-method-override", b"DELETE")], chunks=[b'{"name":"x"}']
    ),
    "135 Range": Request(
        headers=[JSON, (b"range", b"bytes=" + b"0-1," * 500)], chunks=[b'{"name":"x"}']
    ),
    "IPv6 Host": Request(headers=[JSON, (b"host", b"[::1]:8080")], chunks=[b'{"name":"x"}']),
}


@pytest.mark.parametrize("name", GOOD)
async def test_what_only_looks_bad_is_taken(things, name):
    answer = await GOOD[name].to(things.app, *defaults())
    assert answer.status == 201, answer.body


@pytest.mark.parametrize("text", ["' OR 1=1--", "%", "_", "*", "a\\"])
async def test_a_filter_is_matched_as_it_is_written(things, anna, text):
    for name in (text, "other"):
        await anna.post("/v1/things", json={"name": name})
    found = (await anna.get("/v1/things", params={"name": text})).json()["items"]
    assert [item["name"] for item in found] == [text]


async def test_a_body_announced_as_too_large_is_not_read(things):
    request = body(b"", JSON, (b"content-length", str(MIB + 1).encode()))
    assert (await request.to(things.app, *defaults())).status == 413
    assert request.read == []


async def test_a_chunked_body_is_read_to_the_limit_only(things):
    request, _, _ = A["28 too large in chunks"]
    request.read.clear()
    await request.to(things.app, *defaults())
    assert sum(map(len, request.read)) <= MIB + 65_536


async def test_a_body_that_comes_byte_by_byte_has_an_end_in_time(monkeypatch):
    monkeypatch.setattr(incoming, "BODY_TIMEOUT_S", 0.05)

    async def one_more() -> dict[str, object]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Problem) as refused:
        await incoming.read_body(one_more, None, 1 << 40)
    assert refused.value.code == "request-timeout"


async def test_ten_times_what_fits_is_told_to_come_again_and_nothing_of_it_is_lost(
    things, things_database, open_database
):
    """Two connections, each held by a request that does not end; twenty more ask meanwhile."""
    things.database = open_database(things_database.app_url, pool_size=2)
    things.database._engine.sync_engine.pool._timeout = 0.05
    things.app, both_held, go_on = _app(things), asyncio.Barrier(3), asyncio.Event()

    async def hold() -> None:
        await both_held.wait()
        await go_on.wait()

    things.before_commit = hold
    made = [named(f'"held {n}"').to(things.app, *defaults()) for n in range(2)]
    held = [asyncio.create_task(one) for one in made]
    await both_held.wait()
    more = (named(f'"more {n}"').to(things.app, *defaults()) for n in range(20))
    answers = await asyncio.gather(*more)
    go_on.set()
    assert {(a.status, a.json()["code"]) for a in answers} == {(503, "storage-unavailable")}
    assert {a.headers["retry-after"] for a in answers} == {"1"}
    assert [(await one).status for one in held] == [201, 201]
    things.before_commit = None
    assert (await named('"after"').to(things.app, *defaults())).status == 201
    assert await things.names() == ["after", "held 0", "held 1"]


async def test_without_a_principal_nothing_is_looked_at(things):
    answer = await body(b"{").to(things.app, *defaults()[:2])
    assert answer.status == 401
    assert answer.headers["www-authenticate"]


async def test_our_own_mistake_says_nothing_about_itself(things, anna):
    async def fail() -> None:
        raise RuntimeError(CANARY)

    things.before_commit = fail
    answer = await anna.post("/v1/things", json={"name": "x"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert CANARY not in answer.text
    assert await things.names() == []


async def test_a_database_that_is_gone_is_a_503_and_not_our_mistake(things, anna):
    async def fail() -> None:
        raise ConnectionResetError

    things.before_commit = fail
    answer = await anna.post("/v1/things", json={"name": "x"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "storage-unavailable"
    assert answer.headers["retry-after"] == "1"
