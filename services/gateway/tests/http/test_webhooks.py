"""The way in: what is genuine is stored once and told on, everything else writes nothing."""

import json
from typing import Any

import asyncpg

from .crm import ORGANIZATION, PUBLIC, Connected, Sent

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
    body = {"provider": provider, "name": "our CRM", **OPTIONS[provider], **options}
    made = await client.post("/v1/connections", json=body)
    assert made.status_code == 201, made.text
    found = made.json()
    path = "/v1/webhooks/" + found["url"].partition("/v1/webhooks/")[2]
    return Connected(found["id"], provider, path, found["secret"] or body["secret"])


async def send(gateway, sent: Sent, **changed: Any) -> Any:
    client = await gateway.client()
    url = sent.path + (f"?{sent.query}" if sent.query else "")
    headers = {**sent.headers, **changed.get("headers", {})}
    return await client.post(url, headers=headers, content=changed.get("body", sent.body))


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
    return (await rows(gateway, "SELECT count(*) FROM delivery"))[0][0]


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
        assert answer.status_code == 200
    assert answer.json() == {"status": "duplicate"}
    assert await stored(gateway) == len(await told(gateway)) == 1
