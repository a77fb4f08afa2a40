"""Bad input: what is refused, with which code, and that nothing else happens.

Each row: its name, the request, the status and the code. For all of them: problem+json, nothing
written, nothing of the input repeated, and the next request is served.
"""

import gzip
import json

import pytest

from onefunnel.clock import SystemClock
from onefunnel.http.principal import HEADER, sign_principal

from .asgi import Request
from .conftest import ANNA, KEY

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
MEDIA = (415, "unsupported-media-type")
ENCODING = (415, "unsupported-encoding")
LARGE = (413, "payload-too-large")
NOWHERE = (404, "not-found")

A = {
    # transport and syntax
    "1 empty": (body(b""), *MALFORMED),
    "2 truncated": (body(b"{"), *MALFORMED),
    "3 trailing garbage": (body(b'{"name":"x"} canary-5f1e'), *MALFORMED),
    "4 two documents": (body(b'{"name":"x"}{"name":"y"}'), *MALFORMED),
    "5 comment": (body(b'{"name":"x"/*c*/}'), *MALFORMED),
    "5 trailing comma": (body(b'{"name":"x",}'), *MALFORMED),
    "5 single quotes": (body(b"{'name':'x'}"), *MALFORMED),
    "6 duplicate key": (body(b'{"name":"x","name":"canary-5f1e"}'), *MALFORMED),
    "6 nested duplicate key": (field('"flags":{"a":[{"b":1,"b":2}]}'), *MALFORMED),
    "7 duplicate by escape": (body(b'{"name":"x","n\\u0061me":"y"}'), *MALFORMED),
    "8 NaN": (named("NaN"), *MALFORMED),
    "8 Infinity": (field('"count":Infinity'), *MALFORMED),
    "8 -Infinity": (field('"count":-Infinity'), *MALFORMED),
    "9 1e999": (field('"count":1e999'), *MALFORMED),
    "9 -1e999": (field('"flags":{"x":-1e999}'), *MALFORMED),
    "10 invalid UTF-8": (body(b'{"name":"\xff"}'), *MALFORMED),
    "10 overlong UTF-8": (body(b'{"name":"\xc0\x80"}'), *MALFORMED),
    "10 surrogate in UTF-8": (body(b'{"name":"\xed\xa0\x80"}'), *MALFORMED),
    "11 UTF-16": (body('{"name":"x"}'.encode("utf-16")), *MALFORMED),
    "11 UTF-16 without mark": (body('{"name":"x"}'.encode("utf-16-le")), *MALFORMED),
    "11 UTF-32": (body('{"name":"x"}'.encode("utf-32")), *MALFORMED),
    "12 byte order mark": (body(b'\xef\xbb\xbf{"name":"x"}'), *MALFORMED),
    "13 lone surrogate": (named('"\\ud800"'), *MALFORMED),
    "13 lone low surrogate": (named('"\\udC00"'), *MALFORMED),
    "13 lone surrogate in a key": (field('"flags":{"\\uD800":1}'), *MALFORMED),
    "14 NUL": (named('"a\\u0000b"'), *INVALID),
    "15 NUL deep in JSON": (field('"flags":{"a":[{"b":"\\u0000"}]}'), *INVALID),
    "15 NUL in a key": (field('"flags":{"a\\u0000":1}'), *INVALID),
    "14 NUL byte": (named('"a\0b"'), *MALFORMED),
    "16 nesting 33": (field(f'"flags":{{"x":{"[" * 31}{"]" * 31}}}'), *MALFORMED),
    "16 nesting 900": (body(b"[" * 900 + b"]" * 900), *MALFORMED),
    "16 nesting 100,000": (body(b"[" * 100_000 + b"]" * 100_000), *MALFORMED),
    "16 nesting 500,000 objects": (body(b'{"a":' * 150_000), *MALFORMED),
    "17 5,000 digits": (field('"count":' + "9" * 5_000), *MALFORMED),
    "17 5,000 digits elsewhere": (field('"flags":{"x":-' + "9" * 5_000 + "}"), *MALFORMED),
    "18 array": (body(b"[]"), *INVALID),
    "18 string": (body(b'"canary-5f1e"'), *INVALID),
    "18 number": (body(b"5"), *INVALID),
    "18 null": (body(b"null"), *INVALID),
    "19 text/plain": (body(b'{"name":"x"}', (b"content-type", b"text/plain")), *MEDIA),
    "20 no media type": (body(b'{"name":"x"}', (b"x-y", b"z")), *MEDIA),
    "21 form": (
        body(b"name=canary-5f1e", (b"content-type", b"application/x-www-form-urlencoded")),
        *MEDIA,
    ),
    "21 multipart": (
        body(b"--b--", (b"content-type", b"multipart/form-data; boundary=b")),
        *MEDIA,
    ),
    "22 latin-1": (
        body(b'{"name":"x"}', (b"content-type", b"application/json; charset=latin-1")),
        *MEDIA,
    ),
    "22 nearly JSON": (body(b'{"name":"x"}', (b"content-type", b"application/jsonp")), *MEDIA),
    "23 gzip": (
        body(gzip.compress(b'{"name":"x"}'), JSON, (b"content-encoding", b"gzip")),
        *ENCODING,
    ),
    "25 nested gzip": (
        body(b"x", JSON, (b"content-encoding", b"gzip, gzip")),
        *ENCODING,
    ),
    "27 announced as too large": (
        body(b"", JSON, (b"content-length", str(MIB + 1).encode())),
        *LARGE,
    ),
    "28 too large in chunks": (Request(headers=[JSON], chunks=[b"x" * 65_536] * 40), *LARGE),
    "28 too large in one piece": (body(b'{"name":"' + b"x" * MIB + b'"}'), *LARGE),
    "32 a million keys": (
        body(b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}"),
        *MALFORMED,
    ),
    "33 headers of 20 KiB": (header(b"x-long", b"x" * 20_000), 431, "headers-too-large"),
    "33 200 headers": (
        Request(headers=[(b"x-%d" % n, b"y") for n in range(200)]),
        431,
        "headers-too-large",
    ),
    "34 URL of 10 KiB": (Request("GET", query=b"name=" + b"x" * 10_000), 414, "uri-too-long"),
    "35 header with a line feed": (header(b"x-y", b"a\nb"), *REQUEST),
    "35 header with a carriage return": (header(b"x-y", b"a\rb"), *REQUEST),
    "35 header with NUL": (header(b"x-y", b"a\0b"), *REQUEST),
    "36 a path in Host": (header(b"host", b"x/docs?canary-5f1e"), *REQUEST),
    "36 two Hosts": (Request(headers=[(b"host", b"a"), (b"host", b"b")]), *REQUEST),
    "36 user in Host": (header(b"host", b"a@b"), *REQUEST),
    "36 empty Host": (header(b"host", b""), *REQUEST),
    "37 path without a slash": (Request("GET", path="@evil"), *REQUEST),
    "38 double slash": (Request("GET", path="//v1/things"), *NOWHERE),
    "38 dots": (Request("GET", path="/v1/things/../things"), *NOWHERE),
    "38 slash in an id": (Request("GET", path="/v1/things/a/b"), *NOWHERE),
    "38 NUL in an id": (Request("GET", path="/v1/things/a\0"), *NOWHERE),
    "38 an id that is none": (Request("GET", path="/v1/things/canary-5f1e"), *NOWHERE),
    "39 unknown method": (Request("FOO"), 405, "method-not-allowed"),
    "39 TRACE": (Request("TRACE"), 405, "method-not-allowed"),
    "39 wrong method": (Request("PUT"), 405, "method-not-allowed"),
    "40 only HTML": (
        Request("GET", headers=[(b"accept", b"text/html")]),
        406,
        "not-acceptable",
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
    # query, pages
    **{
        f"126 limit={value}": (query(b"limit=" + value.encode()), *INVALID)
        for value in ("-1", "0", "201", "1e9", "abc", "1.5", "", "99999999999999999999")
    },
    "127 twice": (query(b"limit=1&limit=2"), *REQUEST),
    "127 twice by escape": (query(b"limit=1&%6cimit=2"), *REQUEST),
    "128 unknown": (query(b"colour=canary-5f1e"), *INVALID),
    "128 unknown with a strange name": (query(b"canary-5f1e%20x=1"), *INVALID),
    "130 offset": (query(b"offset=10"), *INVALID),
    "134 %ff": (query(b"name=%ff"), *REQUEST),
    "134 %00": (query(b"name=%00"), *REQUEST),
    "134 overlong": (query(b"name=%c0%80"), *REQUEST),
    "134 broken escape": (query(b"name=%zz"), *REQUEST),
    "134 raw bytes": (query(b"name=\xff"), *REQUEST),
    "65 parameters": (query(b"&".join(b"name=x" for _ in range(65))), *REQUEST),
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
    "14 NUL": "/name",
    "15 NUL deep in JSON": "/flags/a/0/b",
    "60 naive time": "/at",
    "75 true as integer": "/count",
    "18 array": "",
    "126 limit=0": "/limit",
    "128 unknown": "/colour",
    "128 unknown with a strange name": "",
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
    request, _, _ = A["27 announced as too large"]
    await request.to(things.app, *defaults())
    assert request.read == []


async def test_a_chunked_body_is_read_to_the_limit_only(things):
    request, _, _ = A["28 too large in chunks"]
    request.read.clear()
    await request.to(things.app, *defaults())
    assert sum(map(len, request.read)) <= MIB + 65_536


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
