"""Signatures against published vectors, and the wrong answers that a careless reading gives."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.request import Received, Secret, Terms

URL = "https://gw.example/h?a=b%40c%20d"
V3 = "hXSw29TDXBCFZCPEKIdORTiv9nxFcuDinLy5HI0pk/Q="
UNDECODED = "2H916m7F9st9Ll0FXgNAN9S5iDhaj6t6RTNqKMUsg7c="
UNQUOTED = "1kEwooEQLfhviFjV2ANoK39o8p/8PwyFaGzqBbKAcOo="
SDK = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
SDK_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
ESPO = (
    "d2gxOjRkNmIwODY1MGJhZGQ3MTUzYzY0NzcwMjVkZDNmMWVhZjA2NjQ1ZmE2NDcyODYyNDQxZGUwMThiZTg3OTI0YmM="
)


def hubspot(signature: str, stamp: str = "1795000000000") -> dict[str, str]:
    return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}


def standard(signature: str) -> dict[str, str]:
    return {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": signature,
    }


def close(signature: str) -> dict[str, str]:
    return {"close-sig-timestamp": "1795000000", "close-sig-hash": signature}


def twenty(signature: str) -> dict[str, str]:
    names = ("x-twenty-webhook-timestamp", "x-twenty-webhook-signature")
    return dict(zip(names, ("1795000000000", signature), strict=True))


CLOSE = "11615e87908a4114f1aaeabef63d12c9f7ef007700adbd8abaad20f19240acfa"
TWENTY = "e70b5cccab099a9c58633afc6dd9d39b4e89dd0417df784cd37af5f18fc7c750"
SW_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SW = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SW_BODY = b'{"test": 2432232314}'
ESPO_OLD = "d2gxOk1rCGULrdcVPGR3Al3T8erwZkX6ZHKGJEHeAYvoeSS8"


@pytest.mark.parametrize(("provider", "secret", "headers", "body", "at", "url", "genuine"), [
    ("hubspot", "s3cr3t", hubspot(V3), b"[]", 1795000000, URL, True),
    ("hubspot", "s3cr3t", hubspot(UNDECODED), b"[]", 1795000000, URL, False),
    ("hubspot", "s3cr3t", hubspot(UNQUOTED), b"[]", 1795000000, URL, False),
    ("hubspot", SDK_SECRET, hubspot(SDK, "1693657560000"), b"{'example_field':'example_value'}",
     1693657560, "https://www.example.com/webhook_uri", True),
    ("standard", SW_SECRET, standard(SW), SW_BODY, 1614265330, "", True),
    ("standard", SW_SECRET, standard(SW), SW_BODY, 1614265330 + 301, "", False),
    ("standard", SW_SECRET, standard("v1a," + SW[3:]), SW_BODY, 1614265330, "", False),
    ("close", "00ff" * 16, close(CLOSE), b'{"event":{"id":"ev_1"}}', 1795000000, "", True),
    ("close", "not hex", close(CLOSE), b'{"event":{"id":"ev_1"}}', 1795000000, "", False),
    ("espocrm", "k", {"signature": ESPO}, b'[{"id":"1"}]', 0, "", True),
    ("espocrm", "k", {"x-signature": ESPO_OLD}, b'[{"id":"1"}]', 0, "", True),
    ("espocrm", "k", {"signature": ESPO_OLD}, b'[{"id":"1"}]', 0, "", False),
    ("espocrm", "k", {}, b'[{"id":"1"}]', 0, "", False),
    ("twenty", "tw", twenty(TWENTY), b'{"eventName":"person.created"}', 1795000000, "", True),
    ("twenty", "tw", {}, b'{"eventName":"person.created"}', 1795000000, "", False),
    ("zoho", "token", {}, b'{"token":"token"}', 0, "", True),
    ("zoho", "token", {}, b'{"token":"tokem"}', 0, "", False),
    ("zoho", "token", {}, b"[" * 50_000, 0, "", False),
    ("zoho", "token", {}, b"\xff", 0, "", False),
    ("pipedrive", "a:b:c", {"authorization": "Basic YTpiOmM="}, b"", 0, "", True),
    ("pipedrive", "a:b:c", {"authorization": "Basic !"}, b"", 0, "", False),
    ("pipedrive", "a:b:c", {"authorization": "Bearer a:b:c"}, b"", 0, "", False),
])  # fmt: skip
def test_a_vector_is_believed_and_a_careless_answer_is_not(
    provider, secret, headers, body, at, url, genuine
):
    received = Received("POST", url, headers, {}, body)
    terms = Terms((Secret(UUID(int=1), "another one"), Secret(UUID(int=2), secret)))
    verdict = PROVIDERS[provider].verify(received, terms, datetime.fromtimestamp(at, UTC))
    assert verdict.genuine is genuine
    assert verdict.secret_id == (UUID(int=2) if genuine else None)
