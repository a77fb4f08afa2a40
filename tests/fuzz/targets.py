"""What is fuzzed: a function of bytes, good inputs, and the one way in which it may refuse.

A target raises what it promises to raise, or returns. Where an input lets somebody in, only the one
that was given out may do so.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from gateway.domain import csv_text
from gateway.domain.api_key import presented
from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.reading import Unreadable
from gateway.domain.webhooks.request import Received, Secret, Terms
from gateway.domain.webhooks.xml import parse_xml
from onefunnel.http.pagination import Page
from onefunnel.http.principal import Principal, read_principal, sign_principal
from onefunnel.http.problems import Problem
from onefunnel.http.query import WHOLE, Parameter, check_query
from onefunnel.http.strict_json import guard
from standalone.imports.values import Notation, Unusable, minor, number

NOW: Final = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEY: Final = b"a key for fuzzing"
ID: Final = UUID("019abf0d-11c4-7b02-8c55-0c8a0b6f2a10")


@dataclass(frozen=True)
class Target:
    """One function, and how many of a million inputs it gets."""

    name: str
    call: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    share: int


class AnyHeader(dict[str, str]):
    """Headers in which every name has the same value."""

    def __init__(self, value: str) -> None:
        super().__init__({"content-type": value, "x": value})
        self.value = value

    def get(self, _name: str, _default: Any = None) -> Any:
        return self.value


_principal = Principal(ID, "key:1", "rep", ID)
_header = sign_principal(_principal, KEY, NOW)
_page = Page(50, None, b"a question", KEY, int(NOW.timestamp()))
_cursor = _page._cursor(["2026-11-22T09:00:00Z", 7, None])
_terms = Terms((Secret(ID, "whsec_c2VjcmV0IG9mIHRoaXMgdGVzdA=="),), {})
_QUERY: Final = {"limit": Parameter(spelling=WHOLE), "a": Parameter(many=True)}
_JSON: Final = (
    b'{"name":"x","count":1,"flags":{"a":[1,2.5e3,true,null]}}', b"[]", b'"\\ud83d\\ude00"',
    '{"ü":"東京"}'.encode(), b'{"a":' * 20 + b"1" + b"}" * 20,
)  # fmt: skip
_SIGNATURES: Final = (
    b"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", b"sha256=" + b"0a" * 32, b"1795000000000",
    b"t=1795000000,v1=" + b"0a" * 32, b"Basic dXNlcjpwYXNz", b"UpdateDeal:" + b"aa" * 32, b"1795000000",
)  # fmt: skip
_XML: Final = (
    (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><notifications'
        b' xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D</OrganizationId>'
        b"<Notification><Id>04l</Id><sObject><Id>006</Id></sObject></Notification></notifications>"
        b"</e:Body></e:Envelope>"
    ),
    b'<?xml version="1.0" encoding="UTF-8"?><a b="1">text</a>',
)
_BODIES: Final = (
    (
        b'[{"eventId":1,"subscriptionId":2,"portalId":3,"appId":4,"occurredAt":1795000000000,'
        b'"subscriptionType":"deal.propertyChange","objectId":5,"propertyName":"amount","propertyValue":"1"}]'
    ),
    (
        b'{"meta":{"action":"change","entity":"deal","entity_id":1,"timestamp":"2026-11-22T09:00:00Z"},'
        b'"data":{"id":1,"value":10,"currency":"EUR"},"previous":null}'
    ),
    b'{"type":"deal.won","timestamp":"2026-11-22T09:00:00Z","data":{"id":"D-1"}}',
    b'{"specversion":"1.0","id":"1","source":"/crm","type":"lead.created","data":{"id":"1"}}',
    b'{"module":"Deals","ids":["1"],"operation":"update","token":"secret","channel_id":"1"}',
    b'{"token":"\\ud800","amount":1e9999999999999999999}',
    b'{"event":{"object_type":"opportunity","action":"updated","data":{"id":"o","value":100000}}}',
    *_XML,
)


def _read_principal(data: bytes) -> None:
    text = data.decode("latin-1")
    found = read_principal(text, KEY, NOW)
    assert (text, found) == (_header, _principal), "a header that we did not sign was believed"


def _open_cursor(data: bytes) -> None:
    found = _page.opened(data.decode("latin-1"))
    assert found == ("2026-11-22T09:00:00Z", 7, None), "a cursor that we did not give out was taken"


def _guard(data: bytes) -> None:
    guard(data)
    json.dumps(json.loads(data), ensure_ascii=False, allow_nan=False).encode()


def _money(data: bytes) -> None:
    amount = minor(number(data.decode("utf-8", "replace"), Notation()), "EUR")
    assert abs(amount) <= 10**15


def _presented(data: bytes) -> None:
    found = presented(data.decode("ascii", "replace"))
    assert found is None or data == f"of_{found.environment}_{found.id.hex}_{found.secret}".encode()


def _csv_line(data: bytes) -> None:
    cells = [data.decode("utf-8", "replace"), data.decode("latin-1")]
    (read,) = csv.reader(io.StringIO(csv_text.line(cells), newline=""), strict=True)
    assert len(read) == 2


def _verify(name: str) -> Callable[[bytes], object]:
    provider = PROVIDERS[name]

    def call(data: bytes) -> object:
        text = data.decode("latin-1")
        received = Received("POST", "https://gw.example/h?" + text, AnyHeader(text), {}, data)
        return provider.verify(received, _terms, NOW)

    return call


def _read(name: str) -> Callable[[bytes], object]:
    provider = PROVIDERS[name]

    def call(data: bytes) -> object:
        if provider.media != "xml":
            guard(data)  # as whoever receives it does before anything reads it
        headers = {"content-type": "application/json", "ce-id": "1", "webhook-id": "1"}
        return provider.read(Received("POST", "https://gw.example/h", headers, {}, data), _terms)

    return call


TARGETS: Final = (
    Target("json-guard", _guard, (Problem,), _JSON, 150_000),
    Target("cursor", _open_cursor, (Problem,), (_cursor.encode(),), 120_000),
    Target("principal", _read_principal, (Problem,), (_header.encode(),), 120_000),
    Target("api-key", _presented, (), (b"of_dev_" + b"0a" * 16 + b"_" + b"0a" * 32,), 100_000),
    Target("money", _money, (Unusable,), (b"12.34", b"-0.5", b"1,234.50", b"1e5"), 120_000),
    Target("query", lambda data: check_query(data, _QUERY), (Problem,),
           (b"limit=1&a=2&a=%C3%BC", b"a=1"), 70_000),
    Target("csv", _csv_line, (), (b'a,"b"\r\n', "=1＋1".encode(), b"'x"), 50_000),
    Target("xml", parse_xml, (Unreadable,), _XML, 50_000),
    *(Target(f"verify-{name}", _verify(name), (), _SIGNATURES + _BODIES, 10_000) for name in PROVIDERS),
    *(Target(f"read-{name}", _read(name), (Problem, Unreadable), _BODIES, 10_000) for name in PROVIDERS),
)  # fmt: skip
