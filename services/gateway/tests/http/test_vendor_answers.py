"""How every vendor is answered, whatever it sends: refused, unreadable, unknown, too large, paused, kept."""

import base64
from typing import Any

import pytest

from .crm import Connected, Sent, outbound_message
from .test_connections import ALL
from .test_webhooks import became, connected, send, stored, told

BEARER = "salesforce-cdc"
UNKNOWN: dict[str, Any] = {
    "hubspot": [{"eventId": 1, "subscriptionType": "moon.creation", "objectId": 1}],
    "salesforce": outbound_message({"notification": "04l1", "Id": "a"}).replace(
        b"sf:Opportunity", b"sf:Moon"
    ),
    "salesforce-flow": {"eventType": "Moon.x", "record": {"Id": "a"}},
    "salesforce-cdc": {"payload": {"ChangeEventHeader": {
        "entityName": "Moon", "changeType": "CREATE", "transactionKey": "t", "recordIds": ["1"]}}},
    "pipedrive": {"meta": {"id": "1", "entity": "moon", "action": "change"}, "data": {}},
    "standard": {"type": "moon.eaten", "data": {"id": "1"}},
    "cloudevents": {"specversion": "1.0", "type": "moon.eaten", "source": "/s", "id": "1"},
    "zoho": {"module": "Moons", "operation": "insert", "ids": ["1"]},
    "dynamics": {"OperationId": "1", "MessageName": "Update", "PrimaryEntityName": "moon"},
    "papermark": {"id": "1", "event": "moon.viewed", "data": {}},
}  # fmt: skip
NO_SHAPE: dict[str, Any] = {"salesforce": b"<x/>"}


def signed(to: Connected, content: Any) -> Sent:
    if to.provider == BEARER:
        borrowed = Connected(to.id, "cloudevents", to.path, to.secret)
        return borrowed.sent(content, media="application/json")
    if to.provider == "zoho" and isinstance(content, dict):
        content = {**content, "token": to.secret}
    return to.sent(content)


async def joined(gateway: Any, provider: str) -> Connected:
    return await connected(gateway, provider, **ALL.get(provider, {}))


@pytest.mark.parametrize("provider", UNKNOWN)
async def test_what_nobody_follows_is_kept_and_answered_well(gateway, provider):
    to = await joined(gateway, provider)
    answer = await send(gateway, signed(to, UNKNOWN[provider]))
    assert answer.is_success, answer.text
    assert ("<Ack>true</Ack>" in answer.text) == (provider == "salesforce")
    assert (await stored(gateway), await told(gateway)) == (1, [])


@pytest.mark.parametrize("provider", UNKNOWN)
async def test_a_paused_connection_asks_to_come_again(gateway, provider):
    to = await joined(gateway, provider)
    admin = await gateway.client("admin")
    await admin.post(f"/v1/connections/{to.id}/pause")
    answer = await send(gateway, signed(to, UNKNOWN[provider]))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "Ack" not in answer.text
    assert await stored(gateway) == 0


@pytest.mark.parametrize("provider", UNKNOWN)
async def test_a_body_that_is_too_large_is_refused(gateway, provider):
    to = await joined(gateway, provider)
    answer = await send(gateway, signed(to, b" " * ((2 << 20) + 1)))
    assert answer.status_code == 413


@pytest.mark.parametrize("provider", sorted(UNKNOWN.keys() - {"salesforce", "zoho"}))
async def test_a_genuine_body_without_a_shape_is_refused_and_not_kept(gateway, provider):
    to = await joined(gateway, provider)
    for body, status in ((b"{", 400), (b"7", 422)):
        answer = await send(gateway, signed(to, body))
        assert answer.status_code == status, answer.text
    assert await stored(gateway) == 0


@pytest.mark.parametrize("provider", UNKNOWN)
async def test_a_secret_that_ended_is_not_believed_and_the_new_one_is(gateway, provider):
    to = await joined(gateway, provider)
    admin = await gateway.client("admin")
    given = {"hubspot": "another secret", "papermark": "another secret"}.get(provider)
    body = {"overlap_hours": 0, **({"secret": given} if given else {})}
    made = await admin.post(f"/v1/connections/{to.id}/rotate", json=body)
    assert (await send(gateway, signed(to, UNKNOWN[provider]))).status_code == 401
    assert await stored(gateway) == 0
    to.secret = given or made.json()["secret"]
    assert (await send(gateway, signed(to, UNKNOWN[provider]))).is_success


async def test_one_bad_event_of_a_batch_is_named_and_the_others_are_told(gateway):
    to = await joined(gateway, "hubspot")
    deal = {"eventId": 1, "subscriptionType": "deal.creation", "objectId": 7, "portalId": 1,
            "occurredAt": 1794907800000}  # fmt: skip
    answer = await send(gateway, to.sent([deal, "no event"]))
    assert (answer.status_code, (await became(gateway))[-1]) == (200, "partly")
    assert [event["external_id"] for event in await told(gateway)] == ["7"]
    admin = await gateway.client("admin")
    (delivery,) = (await admin.get(f"/v1/connections/{to.id}/deliveries")).json()["items"]
    assert [(one["code"], one["pointer"]) for one in delivery["faults"]] == [
        ("unreadable", "/changes/1")
    ]


@pytest.mark.parametrize("password", ["one:two", "päß:wörd", "x" * 200])
async def test_pipedrive_s_password_may_hold_anything(gateway, password):
    to = await connected(gateway, "pipedrive", secret=f"user:{password}")
    assert (await send(gateway, to.sent(UNKNOWN["pipedrive"]))).is_success
    pair = base64.b64encode(f"user:{password}x".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    assert (await send(gateway, to.sent(UNKNOWN["pipedrive"]), headers=headers)).status_code == 401


async def test_the_address_is_the_configured_one_for_hubspot_and_escapes_are_decoded_in_either_case(
    gateway,
):
    to = await joined(gateway, "hubspot")
    for query, meant in (("a=b%40c", "a=b@c"), ("a=b%3ac", "a=b:c"), ("a=%2f%3F", "a=/?")):
        sent = to.sent(UNKNOWN["hubspot"], query=query, signed_query=meant)
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        assert (await send(gateway, sent, headers=headers)).status_code == 200
    assert await became(gateway) == ["ignored", "duplicate", "duplicate"]
