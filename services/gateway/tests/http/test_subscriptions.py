"""Webhook subscriptions: who may make them, where they may lead, and what of them is shown."""

import socket

import pytest

from gateway.entrypoints.http_subscriptions import SubscriptionMeans
from onefunnel.errors import DomainError
from onefunnel.http.public_urls import Rules
from onefunnel.ids import new_id

from .hooks import PATH, shown, subscribed
from .test_webhooks import rows

URL = "https://8.8.8.8/hook"


@pytest.mark.parametrize(
    "role", ["rep", "marketer", "manager", "executive", "comp_admin", "auditor", "integration"]
)
async def test_only_the_owner_of_a_tenant_subscribes(gateway, role):
    client = await gateway.client(role)
    answer = await client.post(PATH, json={"url": URL, "events": ["deal.won"]})
    assert answer.status_code == 403
    assert await rows(gateway, "SELECT 1 FROM webhook_subscription") == []


async def test_a_secret_is_shown_once_and_kept_in_no_readable_form(gateway):
    admin = await gateway.client("admin")
    body = {"url": URL, "events": ["deal.won"]}
    first = await admin.post(PATH, json=body, headers={"Idempotency-Key": "once"})
    again = await admin.post(PATH, json=body, headers={"Idempotency-Key": "once"})
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert again.json() == {**first.json(), "secret": None}
    assert secret not in str(await shown(gateway, first.json()))
    for table in ("webhook_subscription", "idempotency"):
        assert secret not in str(await rows(gateway, f"SELECT t::text FROM {table} t"))


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://example.com/hook"},
        {"url": "https://127.0.0.1/hook"},
        {"url": "https://2130706433/"},
        {"url": "https://[::ffff:10.0.0.1]/"},
        {"url": "https://localhost:8443/"},
        {"url": "https://a@8.8.8.8/"},
        {"url": "https://8.8.8.8:22/"},
        {"url": "https://8.8.8.8/" + "a" * 10_240},
        {"url": "https://8.8.8.8/#a"},
        {"events": []},
        {"events": ["deal.exploded"]},
        {"events": ["adjustment.posted"]},
        {"secret": "whsec_AAAA"},
        {"state": "gone"},
    ],
)
async def test_what_may_not_be_is_refused_without_being_repeated(gateway, body):
    admin = await gateway.client("admin")
    answer = await admin.post(PATH, json={"url": URL, "events": ["deal.won"], **body})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "example.com" not in answer.text
    assert "10.0.0.1" not in answer.text
    assert await rows(gateway, "SELECT 1 FROM webhook_subscription") == []


@pytest.mark.parametrize("addresses", [["10.1.1.1"], ["8.8.8.8", "127.0.0.1"], None])
async def test_a_name_is_looked_up_when_it_is_given(addresses):
    async def look(_host: str, _port: int) -> list[str]:
        if addresses is None:
            raise socket.gaierror(socket.EAI_NONAME, "no")
        return addresses

    means = SubscriptionMeans(None, None, None, None, None, None, Rules(), look)
    with pytest.raises(DomainError) as refused:
        await means.check("https://hooks.example.com/")
    assert refused.value.pointer == "/url"


async def test_it_is_changed_only_by_who_has_seen_it(gateway):
    made = await subscribed(gateway, URL, "deal.won", "deal.won", "deal.lost")
    assert made["events"] == ["deal.won", "deal.lost"]
    admin = await gateway.client("admin")
    one = f"{PATH}/{made['id']}"
    assert (await admin.patch(one, json={"state": "paused"})).status_code == 428
    seen = {"If-Match": '"1"'}
    changed = await admin.patch(
        one, json={"state": "paused", "events": ["lead.rated"]}, headers=seen
    )
    assert changed.json()["paused_because"] == "owner"
    assert changed.json()["events"] == ["lead.rated"]
    assert changed.headers["ETag"] == '"2"'
    assert (await admin.patch(one, json={"state": "active"}, headers=seen)).status_code == 412
    to_home = await admin.patch(one, json={"url": "https://10.0.0.1/"}, headers={"If-Match": '"2"'})
    assert to_home.status_code == 422
    again = await admin.patch(one, json={"state": "active"}, headers={"If-Match": '"2"'})
    assert (again.json()["state"], again.json()["paused_because"]) == ("active", None)


async def test_it_is_listed_and_deleted(gateway):
    made = [await subscribed(gateway, URL) for _ in range(2)]
    admin = await gateway.client("admin")
    listed = (await admin.get(PATH)).json()["items"]
    assert [one["id"] for one in listed] == [made[1]["id"], made[0]["id"]]
    assert (await admin.delete(f"{PATH}/{made[0]['id']}")).status_code == 204
    assert (await admin.delete(f"{PATH}/{made[0]['id']}")).status_code == 404
    assert [one["id"] for one in (await admin.get(PATH)).json()["items"]] == [made[1]["id"]]


async def test_another_tenants_subscription_is_not_there(gateway):
    made = await subscribed(gateway, URL)
    key = await gateway.other_tenant_key()
    other = await gateway.client()
    headers = {"Authorization": f"Bearer {key}", "If-Match": '"1"'}
    one = f"{PATH}/{made['id']}"
    asked = [
        await other.get(one, headers=headers),
        await other.get(f"{PATH}/{new_id()}", headers=headers),
        await other.patch(one, json={"state": "paused"}, headers=headers),
        await other.delete(one, headers=headers),
        await other.post(f"{one}/test", headers=headers),
        await other.post(f"{one}/rotate", headers=headers),
        await other.get(f"{one}/deliveries", headers=headers),
    ]
    assert {answer.status_code for answer in asked} == {404}
    assert (await other.get(PATH, headers=headers)).json()["items"] == []


async def test_there_are_only_so_many(gateway, monkeypatch):
    monkeypatch.setattr("gateway.application.subscriptions.MAX_SUBSCRIPTIONS", 1)
    await subscribed(gateway, URL)
    admin = await gateway.client("admin")
    assert (await admin.post(PATH, json={"url": URL, "events": ["deal.won"]})).status_code == 409
