"""CloudEvents over HTTP: one, several, in headers; what they lack, and when they happened."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from .test_webhooks import CLOUD, became, connected, rows, send, stored, told


async def test_cloudevents_come_in_three_ways(gateway):
    to = await connected(gateway, "cloudevents")
    batch = [{**CLOUD, "id": "e-2"}, {**CLOUD, "id": "e-3", "type": "com.example.crm.deal.lost"}]
    media = "application/cloudevents-batch+json; charset=utf-8"
    assert (await send(gateway, to.sent(CLOUD))).status_code == 202
    assert (await send(gateway, to.sent(batch, media=media))).status_code == 202
    binary = to.sent({"id": "L-77", "source": "webinar"}, media="application/json")
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": "e-4",
        "ce-source": "/crm%20eu",
        "ce-type": "x.lead.created",
    }
    assert (await send(gateway, binary, headers=attributes)).status_code == 202
    found = await told(gateway)
    assert [(e["kind"], e["standing"]) for e in found] == [
        ("deal", "won"), ("deal", "won"), ("deal", "lost"), ("lead", None)
    ]  # fmt: skip
    bad = {**attributes, "ce-id": "%ff"}
    assert (await send(gateway, binary, headers=bad)).status_code == 422
    bad = {**attributes, "ce-id": "e-5", "ce-datacontenttype": "application/json"}
    assert (await send(gateway, binary, headers=bad)).status_code == 422


@pytest.mark.parametrize(("spoiled", "pointer"), [
    ({"id": None}, "/0/id"), ({"source": ""}, "/0/source"), ({"type": 7}, "/0/type"),
    ({"specversion": "2.0"}, "/0/specversion"), ({"specversion": ["1.0"]}, "/0/specversion"),
    ({"data_base64": "no base64!"}, "/0/data_base64"),
])  # fmt: skip
async def test_an_event_that_is_none_is_refused_with_its_place_and_holds_up_no_other(
    gateway, spoiled, pointer
):
    to = await connected(gateway, "cloudevents")
    media = "application/cloudevents-batch+json"
    answer = await send(gateway, to.sent([{**CLOUD, **spoiled}], media=media))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await stored(gateway) == 0
    answer = await send(gateway, to.sent([{**CLOUD, **spoiled}, CLOUD], media=media))
    assert (answer.status_code, answer.json()["status"]) == (202, "stored")
    assert await became(gateway) == ["partly"]
    assert [event["external_id"] for event in await told(gateway)] == [CLOUD["data"]["id"]]


async def test_an_attribute_of_bytes_that_are_no_utf_8_is_refused(gateway):
    to = await connected(gateway, "cloudevents")
    binary = to.sent({"id": "L-77"}, media="application/json")
    raw = {b"ce-specversion": b"1.0", b"ce-source": b"/crm", b"ce-type": b"x.lead.created"}
    for id_, status in ((b"caf\xe9", 422), (b"caf\xc3\xa9", 202), (b"caf%C3%A9", 202)):
        answer = await send(gateway, binary, headers={**raw, b"ce-id": id_})
        assert answer.status_code == status
    assert len(await told(gateway)) == 1, "the same id, written in two ways"


async def test_data_in_base64_are_read_as_the_json_that_they_are(gateway):
    to = await connected(gateway, "cloudevents")
    wrapped = base64.b64encode(json.dumps(CLOUD["data"]).encode()).decode()
    event = {name: value for name, value in CLOUD.items() if name != "data"}
    assert (await send(gateway, to.sent({**event, "data_base64": wrapped}))).status_code == 202
    assert [one["external_id"] for one in await told(gateway)] == [CLOUD["data"]["id"]]


async def test_an_event_without_a_time_happened_when_it_came(gateway):
    to = await connected(gateway, "cloudevents")
    assert (await send(gateway, to.sent({**CLOUD, "time": None}))).status_code == 202
    (event,) = await told(gateway)
    (row,) = await rows(gateway, "SELECT received_at FROM delivery")
    assert datetime.fromisoformat(event["occurred_at"]) == row["received_at"]


async def test_an_event_of_tomorrow_happened_when_it_came_and_its_fault_is_named(gateway):
    to = await connected(gateway, "cloudevents")
    tomorrow = (datetime.now(UTC) + timedelta(hours=24)).isoformat()
    answer = await send(gateway, to.sent({**CLOUD, "time": tomorrow}))
    assert (answer.status_code, (await became(gateway))[-1]) == (202, "partly")
    (event,) = await told(gateway)
    (row,) = await rows(gateway, "SELECT received_at FROM delivery")
    assert datetime.fromisoformat(event["occurred_at"]) == row["received_at"]


async def test_the_same_event_with_other_content_is_the_event_that_was_told(gateway):
    to = await connected(gateway, "cloudevents")
    other = {**CLOUD, "data": {**CLOUD["data"], "amount": "999"}}
    for content in (CLOUD, other):
        assert (await send(gateway, to.sent(content))).status_code == 202
    assert [event["amount"] for event in await told(gateway)] == ["10"]


async def test_a_sender_of_cloudevents_may_ask_first(gateway):
    to = await connected(gateway, "cloudevents")
    client = await gateway.client()
    asked = await client.options(to.path, headers={"WebHook-Request-Origin": "crm.example"})
    assert asked.status_code == 200
    assert asked.headers["webhook-allowed-origin"] == "crm.example"
    for origin in ("<script>", "", "a b"):
        refused = await client.options(to.path, headers={"WebHook-Request-Origin": origin})
        assert refused.status_code == 404
        assert "webhook-allowed-origin" not in refused.headers
