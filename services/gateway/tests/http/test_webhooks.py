"""The way in: what is genuine is stored once and told on, everything else writes nothing."""

import json
import time
from typing import Any

import asyncpg
import pytest

from gateway.background import reader

from .crm import ORGANIZATION, PUBLIC, Connected, Sent, outbound_message

OPTIONS: dict[str, dict[str, Any]] = {
    "hubspot": {"public_url": PUBLIC, "secret": "a secret of the app"},
    "salesforce": {"settings": {"organization_id": ORGANIZATION}},
    "salesforce-flow": {},
    "pipedrive": {"secret": "one:funnel:ünï"},
    "standard": {},
    "cloudevents": {},
}
DEAL = {
    "id": "D-1",
    "amount": "48250.50",
    "currency": "EUR",
    "cost": "30100.00",
    "stage": "proposal",
}


async def connected(gateway, provider: str, **options: Any) -> Connected:
    client = await gateway.client("admin")
    body = {"provider": provider, "name": "our CRM", **OPTIONS.get(provider, {}), **options}
    made = await client.post("/v1/connections", json=body)
    assert made.status_code == 201, made.text
    found = made.json()
    path = "/v1/webhooks/" + found["url"].partition("/v1/webhooks/")[2]
    return Connected(found["id"], provider, path, found["secret"] or body["secret"])


async def send(gateway, sent: Sent, **changed: Any) -> Any:
    """Send a request, and let the worker read what was stored."""
    answer = await post(gateway, sent, **changed)
    await read(gateway)
    return answer


async def post(gateway, sent: Sent, **changed: Any) -> Any:
    client = await gateway.client()
    url = sent.path + (f"?{sent.query}" if sent.query else "")
    headers = {**sent.headers, **changed.get("headers", {})}
    return await client.post(url, headers=headers, content=changed.get("body", sent.body))


async def read(gateway) -> None:
    reading = reader(gateway.runtime)
    while await reading.turn():
        pass


async def became(gateway) -> list[str]:
    """What became of each delivery, in the order in which they came."""
    return [row["status"] for row in await rows(gateway, "SELECT status FROM delivery ORDER BY id")]


async def rows(gateway, sql: str) -> list[Any]:
    url = gateway.runtime.database("gateway").url.replace("onefunnel_app", "postgres")
    owner = await asyncpg.connect(url)
    try:
        return list(await owner.fetch(sql))
    finally:
        await owner.close()


async def told(gateway) -> list[dict[str, Any]]:
    """What waits in the outbox, in order."""
    found = await rows(gateway, "SELECT record FROM outbox ORDER BY id")
    return [json.loads(row["record"])["data"] for row in found]


async def stored(gateway) -> int:
    """How many deliveries said something that no other had said before."""
    return sum(status != "duplicate" for status in await became(gateway))


def won(id_: str = "D-1") -> dict[str, Any]:
    return {
        "type": "deal.won",
        "timestamp": "2026-11-17T09:30:00.000Z",
        "data": {**DEAL, "id": id_},
    }


async def test_a_signed_event_is_stored_and_told_in_our_words(gateway):
    to = await connected(gateway, "standard")
    answer = await send(gateway, to.sent(won()))
    assert answer.status_code == 200, answer.text
    (event,) = await told(gateway)
    assert event["kind"] == "deal"
    assert event["external_id"] == "D-1"
    assert (event["standing"], event["stage"]) == ("won", "proposal")
    assert (event["amount"], event["currency"], event["cost"]) == ("48250.5", "EUR", "30100")
    assert event["occurred_at"] == "2026-11-17T09:30:00Z"
    assert await stored(gateway) == 1


async def test_the_same_event_again_is_stored_and_told_once(gateway):
    to = await connected(gateway, "standard")
    for _ in range(2):
        answer = await send(gateway, to.sent(won()))
        assert (answer.status_code, answer.json()["status"]) == (200, "stored")
    assert await became(gateway) == ["translated", "duplicate"]
    assert await rows(gateway, "SELECT 1 FROM delivery WHERE sealed = ''") != []
    assert len(await told(gateway)) == 1


def deal_stage(**changed: Any) -> list[dict[str, Any]]:
    """A thin event of HubSpot."""
    event = {
        "eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": 1794907800000,
        "subscriptionType": "deal.propertyChange", "attemptNumber": 0, "objectId": 18822031177,
        "propertyName": "dealstage", "propertyValue": "contractsent",
    }  # fmt: skip
    return [{**event, **changed}]


def opportunity(**fields: str | None) -> bytes:
    return outbound_message(
        {
            "notification": "04l000000000001AAA",
            "Id": "006000000000001AAA",
            "Amount": "48250.5",
            "CurrencyIsoCode": "EUR",
            "Discount__c": "3.0",
            "IsClosed": "true",
            "IsWon": "true",
            "StageName": "Closed Won",
            "LastModifiedDate": "2026-11-17T09:30:00.000Z",
            **fields,
        }
    )


FLOW = {
    "interviewGuid": "g-1",
    "eventType": "Opportunity.Updated",
    "occurredAt": "2026-11-17T09:30:00.000Z",
    "record": {
        "Id": "006000000000001AAA",
        "StageName": "Closed Won",
        "IsWon": True,
        "IsClosed": True,
    },
}
PIPEDRIVE = {
    "data": {
        "id": 5512, "status": "open", "stage_id": 4, "pipeline_id": 1, "value": 48250.5,
        "currency": "EUR", "owner_id": 11223344, "update_time": "2026-11-17T09:30:00Z",
        "custom_fields": {"7c1f": {"type": "monetary", "value": 30100, "currency": "EUR"}},
    },
    "previous": {"stage_id": 3, "update_time": "2026-11-10T12:00:00Z"},
    "meta": {
        "id": "5b2f", "entity": "deal", "entity_id": "5512", "action": "change", "attempt": 1,
        "timestamp": "2026-11-17T09:30:00.057Z", "version": "2.0",
    },
}  # fmt: skip
CLOUD = {
    "specversion": "1.0", "type": "com.example.crm.deal.won", "source": "/crm", "id": "e-1",
    "time": "2026-11-17T09:30:00Z", "data": {"id": "D-1", "amount": "10.00", "currency": "EUR"},
}  # fmt: skip
CONTENTS: dict[str, Any] = {
    "hubspot": deal_stage(),
    "salesforce": opportunity(),
    "salesforce-flow": FLOW,
    "pipedrive": PIPEDRIVE,
    "standard": won(),
    "cloudevents": CLOUD,
}
MEANT = {
    "hubspot": {"external_id": "18822031177", "stage": "negotiation", "standing": "open"},
    "salesforce": {"amount": "48250.5", "standing": "won", "discount": "1492.28", "stage": None},
    "salesforce-flow": {"standing": "won", "external_id": "006000000000001AAA"},
    "pipedrive": {"stage": "proposal", "standing": "open", "amount": "48250.5"},
    "standard": {"standing": "won"},
    "cloudevents": {"standing": "won", "amount": "10", "occurred_at": "2026-11-17T09:30:00Z"},
}


@pytest.mark.parametrize("provider", CONTENTS)
async def test_each_vendors_genuine_request_is_told_once_however_often_it_comes(gateway, provider):
    to = await connected(gateway, provider)
    for _ in range(3):
        answer = await send(gateway, to.sent(CONTENTS[provider]))
        assert answer.status_code in {200, 202}, answer.text
    (event,) = await told(gateway)
    assert MEANT[provider] == {name: event[name] for name in MEANT[provider]}
    assert await stored(gateway) == 1


@pytest.mark.parametrize("provider", CONTENTS)
@pytest.mark.parametrize("forgery", ["other secret", "no credentials", "other endpoint"])
async def test_a_forged_request_is_refused_alike_and_writes_nothing(gateway, provider, forgery):
    to = await connected(gateway, provider)
    before = await rows(gateway, "SELECT count(*) FROM connection_endpoint")
    if forgery == "other secret":
        to.secret = "whsec_b3RoZXI=" if provider == "standard" else "another secret"
    elif forgery == "other endpoint":
        to.path = to.path[:-1] + ("A" if to.path[-1] != "A" else "B")
    sent = to.sent(CONTENTS[provider])
    if forgery == "no credentials":
        sent.headers = {"Content-Type": sent.headers["Content-Type"]}
        sent.path = to.path
    answer = await send(gateway, sent)
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid-signature"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "Sign the raw body with the current secret."
    assert await stored(gateway) == len(await told(gateway)) == 0
    assert await rows(gateway, "SELECT count(*) FROM delivery_key") == [(0,)]
    assert await rows(gateway, "SELECT count(*) FROM connection_endpoint") == before


@pytest.mark.parametrize("provider", ["hubspot", "standard"])
@pytest.mark.parametrize("off_s", [-301, 310])  # what is ahead comes nearer while it is sent
async def test_a_stale_request_is_refused_on_either_side(gateway, provider, off_s):
    to = await connected(gateway, provider)
    sent = to.sent(CONTENTS[provider], at=time.time() + off_s)
    assert (await send(gateway, sent)).status_code == 401
    assert await stored(gateway) == 0


@pytest.mark.parametrize("stamp", ["", "x", "-1795000000", "1795000000.5", "9" * 20, "１７９５"])
async def test_a_time_that_is_no_whole_number_is_refused(gateway, stamp):
    to = await connected(gateway, "standard")
    sent = to.sent(won())
    headers = {"webhook-timestamp": stamp.encode("latin-1", "replace").decode("latin-1")}
    assert (await send(gateway, sent, headers=headers)).status_code == 401


@pytest.mark.parametrize("provider", ["hubspot", "standard"])
async def test_one_changed_byte_of_a_signed_body_is_refused(gateway, provider):
    to = await connected(gateway, provider)
    sent = to.sent(CONTENTS[provider])
    assert (await send(gateway, sent, body=sent.body + b" ")).status_code == 401
    assert await stored(gateway) == 0


@pytest.mark.parametrize("signature", ["v1,ünï", "v1," + "x" * 10_000, "v2,x", "v1,x " * 6])
async def test_a_signature_that_is_none_is_refused_and_breaks_nothing(gateway, signature):
    to = await connected(gateway, "standard")
    headers = {"webhook-signature": signature.encode()}
    assert (await send(gateway, to.sent(won()), headers=headers)).status_code == 401


async def test_a_sender_that_rotates_signs_twice_and_more_than_five_are_none(gateway):
    to = await connected(gateway, "standard")
    sent = to.sent(won())
    good = sent.headers["webhook-signature"]
    many = {"webhook-signature": " ".join(["v1,eA=="] * 5 + [good])}
    assert (await send(gateway, sent, headers=many)).status_code == 401
    assert (await send(gateway, sent, headers={"webhook-signature": f"v1,eA== {good}"})).is_success


async def test_hubspot_decodes_twelve_escapes_of_the_url_and_no_others(gateway):
    to = await connected(gateway, "hubspot")
    sent = to.sent(deal_stage(), query="a=b%40c%20d%2Be", signed_query="a=b@c%20d%2Be")
    assert (await send(gateway, sent)).status_code == 200
    for wrong in ("a=b%40c%20d%2Be", "a=b@c d+e"):
        sent = to.sent(deal_stage(eventId=9), query="a=b%40c%20d%2Be", signed_query=wrong)
        assert (await send(gateway, sent)).status_code == 401


async def test_hubspot_signs_the_url_of_the_setting_and_not_of_the_host_header(gateway):
    to = await connected(gateway, "hubspot")
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    assert (await send(gateway, to.sent(deal_stage()), headers=headers)).status_code == 200


async def test_a_hubspot_retry_with_a_new_attempt_number_is_the_same_event(gateway):
    to = await connected(gateway, "hubspot")
    await send(gateway, to.sent(deal_stage()))
    await send(gateway, to.sent(deal_stage(attemptNumber=3)))
    assert await became(gateway) == ["translated", "duplicate"]
    mixed = [*deal_stage(attemptNumber=4), *deal_stage(eventId=2, propertyValue="closedwon")]
    await send(gateway, to.sent(mixed))
    assert [event["standing"] for event in await told(gateway)] == ["open", "won"]


@pytest.mark.parametrize(("provider", "content"), [
    ("hubspot", []),
    ("hubspot", deal_stage(subscriptionType="conversation.creation")),
    ("standard", {"type": "moon.eaten", "data": {"id": "1"}}),
    ("pipedrive", {**PIPEDRIVE, "meta": {"id": "1", "entity": "person", "action": "change"}}),
    ("pipedrive", {**PIPEDRIVE, "previous": {"update_time": "x"}}),
    ("cloudevents", {**CLOUD, "type": "com.example.unknown"}),
    ("salesforce", opportunity().replace(b"sf:Opportunity", b"sf:Moon")),
])  # fmt: skip
async def test_what_we_do_not_follow_is_stored_and_answered_like_the_rest(
    gateway, provider, content
):
    to = await connected(gateway, provider)
    answer = await send(gateway, to.sent(content))
    assert answer.is_success, answer.text
    assert (await stored(gateway), await told(gateway)) == (1, [])


@pytest.mark.parametrize(("body", "status"), [
    (b"", 400), (b"{", 400), (b'{"a":1,"a":2}', 400), (b'{"a":NaN}', 400), (b"\xff\xfe{}", 400),
    (b"[" * 50_000 + b"]" * 50_000, 400), (b"7", 422), (b'{"data":1}', 422),
])  # fmt: skip
async def test_a_signed_body_that_cannot_be_read_is_refused_and_writes_nothing(
    gateway, body, status
):
    to = await connected(gateway, "pipedrive")
    answer = await send(gateway, to.sent(body))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert await stored(gateway) == 0


@pytest.mark.parametrize(("headers", "status"), [
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/json; charset=latin-1"}, 415),
    ({"Content-Encoding": "gzip"}, 415),
])  # fmt: skip
async def test_another_kind_of_body_is_refused(gateway, headers, status):
    to = await connected(gateway, "pipedrive")
    assert (await send(gateway, to.sent(PIPEDRIVE), headers=headers)).status_code == status


async def test_a_body_beyond_two_mebibytes_is_refused_before_anything_else(gateway):
    to = await connected(gateway, "pipedrive")
    answer = await send(gateway, to.sent(b" " * ((2 << 20) + 1)))
    assert answer.status_code == 413
    assert (
        await send(gateway, to.sent(json.dumps(PIPEDRIVE).encode() + b" " * (1 << 20)))
    ).is_success


async def test_an_outbound_message_is_acknowledged_in_soap_also_when_it_comes_again(gateway):
    to = await connected(gateway, "salesforce")
    for _ in range(2):
        answer = await send(gateway, to.sent(opportunity()))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/xml")
        assert "<Ack>true</Ack>" in answer.text


@pytest.mark.parametrize("body", [
    b'<!DOCTYPE x [<!ENTITY a "b">]>' + opportunity().partition(b"?>")[2],
    opportunity()[:-5],
    b"<x/>",
    outbound_message({"notification": "n"}, organization="00D000000000002AAA"),
    b"",
])  # fmt: skip
async def test_xml_that_is_no_message_of_this_organization_is_refused_without_an_ack(gateway, body):
    to = await connected(gateway, "salesforce")
    answer = await send(gateway, to.sent(body))
    assert answer.status_code == 401
    assert "Ack" not in answer.text
    assert await stored(gateway) == 0


async def test_money_keeps_every_digit(gateway):
    to = await connected(gateway, "standard")
    body = b'{"type":"deal.updated","data":{"id":"D-1","amount":12345678901234.07,"cost":0.10}}'
    assert (await send(gateway, to.sent(body))).is_success
    (event,) = await told(gateway)
    assert (event["amount"], event["cost"]) == ("12345678901234.07", "0.1")


@pytest.mark.parametrize("amount", [
    '"NaN"', '"Infinity"', '"1_000"', '"1,000"', '"0x10"', '"١٢"', '" 1"', '"1e1000000"', "1e-999999999",
])  # fmt: skip
async def test_what_is_no_amount_is_named_and_left_out(gateway, amount):
    to = await connected(gateway, "standard")
    body = f'{{"type":"deal.updated","data":{{"id":"D-1","amount":{amount},"cost":"7"}}}}'
    await send(gateway, to.sent(body.encode()))
    assert await became(gateway) == ["partly"]
    (event,) = await told(gateway)
    assert (event["amount"], event["cost"]) == (None, "7")


@pytest.mark.parametrize("percent", ["99.99999999999999999999999999", "100", "-1", "NaN", "1e99"])
async def test_a_percentage_that_no_discount_is_of_is_named_and_left_out(gateway, percent):
    mapping = {"deal": {"amount": "amount", "discount_percent": "off"}}
    to = await connected(gateway, "standard", mapping=mapping)
    data = {"id": "D-1", "amount": "9000000000000000", "off": percent}
    answer = await send(gateway, to.sent({"type": "deal.updated", "data": data}))
    assert (answer.status_code, await became(gateway)) == (200, ["partly"])
    (event,) = await told(gateway)
    assert (event["amount"], event["discount"]) == ("9000000000000000", None)


async def test_an_exponent_is_a_number_like_another(gateway):
    to = await connected(gateway, "standard")
    body = b'{"type":"deal.updated","data":{"id":"D-1","amount":"1.25E4"}}'
    await send(gateway, to.sent(body))
    assert [event["amount"] for event in await told(gateway)] == ["12500"]


async def test_an_unmapped_stage_is_answered_well_and_named(gateway):
    to = await connected(gateway, "hubspot")
    answer = await send(gateway, to.sent(deal_stage(propertyValue="my own stage")))
    assert (answer.status_code, await became(gateway)) == (200, ["partly"])
    admin = await gateway.client("admin")
    listed = (await admin.get(f"/v1/connections/{to.id}/deliveries")).json()["items"]
    (fault,) = listed[0]["faults"]
    assert (fault["pointer"], fault["code"]) == ("/fields/dealstage", "unmapped")
    assert "my own stage" not in json.dumps(listed)


async def test_events_carry_no_address_of_a_person(gateway):
    to = await connected(gateway, "standard")
    data = {**DEAL, "owner": "rui@acme.example", "email": "ada@northwind.example", "name": "Ada"}
    await send(gateway, to.sent({"type": "deal.won", "data": data}))
    assert "@" not in json.dumps(await told(gateway))
    other = {"type": "lead.created", "data": {"id": "ada@northwind.example"}}
    await send(gateway, to.sent(other, id="msg_2"))
    assert (await became(gateway))[-1] == "partly"
    assert "@" not in json.dumps(await told(gateway))


async def test_what_was_kept_of_a_request_cannot_be_read_in_the_database(gateway):
    to = await connected(gateway, "standard")
    await send(gateway, to.sent(won("a name")))
    text = str(await rows(gateway, "SELECT * FROM delivery")) + str(
        await rows(gateway, "SELECT * FROM connection")
    )
    assert to.secret not in text
    assert "48250" not in text
