"""The life of a connection: made, tried, changed, rotated, paused; its secrets shown once."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.webhooks.defaults import DEFAULTS
from onefunnel.clock import SystemClock

from .crm import ORGANIZATION, PUBLIC, Connected
from .test_webhooks import OPTIONS, connected, deal_stage, rows, send, stored, told, won

ALL = {
    **OPTIONS,
    "zoho": {}, "dynamics": {}, "twenty": {}, "odoo": {},
    "salesforce-cdc": {},
    "close": {"secret": "00ff" * 8},
    "papermark": {"secret": "a secret of Papermark"},
    "espocrm": {"secret": "a secret of the webhook"},
}  # fmt: skip


@pytest.mark.parametrize("provider", DEFAULTS)
async def test_a_test_goes_the_real_way_and_tells_of_no_record(gateway, provider):
    admin = await gateway.client("admin")
    body = {"provider": provider, "name": "CRM", **ALL[provider]}
    made = (await admin.post("/v1/connections", json=body)).json()
    tried = await admin.post(f"/v1/connections/{made['id']}/test", json={})
    assert tried.status_code == 200, tried.text
    assert tried.json()["status"] == "ignored"
    assert (await stored(gateway), await told(gateway)) == (1, [])


async def test_a_secret_is_shown_once_and_kept_in_no_readable_form(gateway):
    admin = await gateway.client("admin")
    body = {"provider": "standard", "name": "CRM"}
    headers = {"Idempotency-Key": "once"}
    first = await admin.post("/v1/connections", json=body, headers=headers)
    again = await admin.post("/v1/connections", json=body, headers=headers)
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert again.json()["secret"] is None
    read = await admin.get(f"/v1/connections/{first.json()['id']}")
    assert secret not in read.text
    for table in ("connection", "idempotency", "outbox", "delivery"):
        assert secret not in str(await rows(gateway, f"SELECT t::text FROM {table} t"))


@pytest.mark.parametrize(
    "role", ["rep", "marketer", "manager", "comp_admin", "integration", "auditor"]
)
async def test_only_the_owner_of_the_tenant_connects(gateway, role):
    client = await gateway.client(role)
    body = {"provider": "standard", "name": "CRM"}
    assert (await client.post("/v1/connections", json=body)).status_code == 403


@pytest.mark.parametrize(("body", "pointer"), [
    ({"provider": "hubspot", "secret": "12345678"}, "/public_url"),
    ({"provider": "hubspot", "public_url": PUBLIC}, "/secret"),
    ({"provider": "salesforce"}, "/settings/organization_id"),
    ({"provider": "close", "secret": "not hexadecimal"}, "/secret"),
    ({"provider": "standard", "secret": "whsec_c2hvcnQ="}, "/secret"),
    ({"provider": "moon"}, "/provider"),
    ({"provider": "standard", "mapping": {"stages": {"a": "No Step"}}}, "/mapping/stages/a"),
    ({"provider": "standard", "mapping": {"deal": {"moon": "x"}}}, "/mapping/deal/moon"),
])  # fmt: skip
async def test_what_is_missing_or_wrong_is_named(gateway, body, pointer):
    admin = await gateway.client("admin")
    answer = await admin.post("/v1/connections", json={"name": "CRM", **body})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert await rows(gateway, "SELECT 1 FROM connection") == []


async def rotated(gateway: Any, to: Connected, **body: Any) -> Connected:
    admin = await gateway.client("admin")
    answer = await admin.post(f"/v1/connections/{to.id}/rotate", json=body)
    assert answer.status_code == 200, answer.text
    return Connected(to.id, to.provider, to.path, answer.json()["secret"] or body["secret"])


async def test_both_secrets_are_believed_until_the_overlap_ends(gateway, monkeypatch):
    old = await connected(gateway, "pipedrive")
    new = await rotated(gateway, old, overlap_hours=2)
    content = {"meta": {"id": "1", "entity": "person", "action": "change"}}
    assert (await send(gateway, old.sent(content))).is_success
    assert (await send(gateway, new.sent(content))).is_success
    later = SystemClock().now() + timedelta(hours=2, seconds=1)
    monkeypatch.setattr(SystemClock, "now", lambda _: later)
    assert (await send(gateway, old.sent(content))).status_code == 401
    assert (await send(gateway, new.sent(content))).is_success


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(gateway):
    old = await connected(gateway, "standard")
    new = await rotated(gateway, old, overlap_hours=0)
    assert (await send(gateway, old.sent(won()))).status_code == 401
    assert (await send(gateway, new.sent(won()))).is_success


async def test_a_paused_connection_asks_the_crm_to_come_again(gateway):
    to = await connected(gateway, "standard")
    admin = await gateway.client("admin")
    assert (await admin.post(f"/v1/connections/{to.id}/pause")).json()["state"] == "paused"
    answer = await send(gateway, to.sent(won()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert await stored(gateway) == 0
    await admin.post(f"/v1/connections/{to.id}/resume")
    assert (await send(gateway, to.sent(won()))).is_success


async def test_refusals_are_seen_with_their_reason_and_without_their_content(gateway):
    to = await connected(gateway, "standard")
    sent = to.sent(won())
    await send(gateway, sent, body=sent.body + b" ")
    await send(gateway, sent)
    admin = await gateway.client("admin")
    listed = (await admin.get(f"/v1/connections/{to.id}/deliveries")).json()
    assert [one["reason"] for one in listed["refused"]] == ["bad-signature"]
    assert [one["status"] for one in listed["items"]] == ["translated"]


async def test_a_delivery_is_shown_and_replayed_under_a_changed_mapping(gateway):
    to = await connected(gateway, "hubspot")
    await send(gateway, to.sent(deal_stage(propertyValue="my-stage")))
    admin = await gateway.client("admin")
    path = f"/v1/connections/{to.id}"
    (delivery,) = (await admin.get(f"{path}/deliveries")).json()["items"]
    read = await admin.get(path)
    stages = {**read.json()["mapping"]["stages"], "my-stage": "evaluation"}
    patch = {"mapping": {"stages": stages}}
    stale = await admin.patch(path, json=patch, headers={"If-Match": '"9"'})
    assert stale.status_code == 412
    changed = await admin.patch(path, json=patch, headers={"If-Match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert changed.json()["mapping"]["deal"] == read.json()["mapping"]["deal"]
    meant = (await admin.get(f"{path}/deliveries/{delivery['id']}/meaning")).json()
    assert (meant["status"], meant["events"][0]["stage"]) == ("translated", "evaluation")
    assert [event["stage"] for event in await told(gateway)] == [None]
    again = await admin.post(f"{path}/deliveries/{delivery['id']}/replay")
    assert again.json()["status"] == "translated"
    first, second = await told(gateway)
    assert (second["stage"], second["record_id"]) == ("evaluation", first["record_id"])


async def test_a_connection_of_another_tenant_is_not_there(gateway):
    to = await connected(gateway, "salesforce", settings={"organization_id": ORGANIZATION})
    other = await gateway.other_tenant_key()
    client = await gateway.client()
    for method, path in [
        ("GET", ""),
        ("POST", "/pause"),
        ("GET", "/deliveries"),
        ("POST", "/test"),
    ]:
        answer = await client.request(
            method, f"/v1/connections/{to.id}{path}", headers={"X-API-Key": other}
        )
        assert answer.status_code == 404, path
    listed = await client.get("/v1/connections", headers={"X-API-Key": other})
    assert listed.json()["items"] == []


async def test_a_secret_of_one_tenant_signs_nothing_for_another(gateway):
    mine = await connected(gateway, "standard")
    client = await gateway.client()
    headers = {"X-API-Key": await gateway.other_tenant_key()}
    body = {"provider": "standard", "name": "their CRM"}
    made = (await client.post("/v1/connections", json=body, headers=headers)).json()
    theirs = "/v1/webhooks/" + made["url"].partition("/v1/webhooks/")[2]
    forged = Connected(made["id"], "standard", theirs, mine.secret)
    answer = await send(gateway, forged.sent(won()))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-signature")
    assert await stored(gateway) == 0
    genuine = Connected(made["id"], "standard", theirs, made["secret"])
    assert (await send(gateway, genuine.sent(won()))).is_success
