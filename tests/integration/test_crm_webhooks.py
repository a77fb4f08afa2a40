"""A CRM's signed webhook, from the request to the deal and the numbers, through everything that runs."""

import base64
import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from uuid import UUID

import pytest

from onefunnel.ids import derived_id
from standalone.host.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
SEEN_S = 60


def post(stack: Any, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    try:
        connection.request(
            "POST", path, body=body, headers={"Content-Type": "application/json", **headers}
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def deliver(stack: Any, path: str, secret: str, id_: str, content: Any) -> None:
    body, stamp = json.dumps(content).encode(), str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signed = {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }
    status, answer = post(stack, path, body, **signed)
    assert status == 200, answer


def event(at: str, kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": f"2026-03-{at}T09:00:00Z", "data": {"id": "D-1", **data}}


def test_a_win_that_arrives_before_its_steps_is_a_deal_in_the_funnel(stack: Any) -> None:
    body = json.dumps({"provider": "standard", "name": "our CRM"}).encode()
    status, made = post(stack, "/v1/connections", body, Authorization=f"Bearer {stack.key()}")
    assert status == 201, made
    path = "/v1/webhooks/" + made["url"].partition("/v1/webhooks/")[2]
    amounts = {"amount": "250.50", "cost": "100.00", "currency": "EUR"}
    events = {
        "won": event("20", "deal.won"),
        "proposal": event("10", "deal.updated", stage="proposal"),
        "discovery": event("01", "deal.created", stage="discovery", **amounts),
    }
    for id_ in ("won", "proposal", "discovery", "won"):
        deliver(stack, path, made["secret"], id_, events[id_])

    tenant = UUID(stack.get("/v1/me")["tenant"]["id"])
    deal_id = derived_id(tenant, "standard", "deal", "D-1")

    def seen() -> bool:
        deals = stack.get("/v1/deals")["items"]
        return [(d["id"], d["state"], d["amount"]) for d in deals] == [
            (str(deal_id), "won", {"amount_minor": 25050, "currency": "EUR"})
        ]

    assert wait_until(seen, SEEN_S), stack.get("/v1/deals")
    deal = stack.get(f"/v1/deals/{deal_id}")
    assert (deal["stage"], deal["closed_at"]) == ("proposal", "2026-03-20T09:00:00Z")
    stack.folded()
    funnel = json.dumps(stack.get("/v1/funnel?from=2026-03-01&to=2026-04-01"))
    sales = json.dumps(stack.get("/v1/sales-performance?from=2026-03-01&to=2026-04-01"))
    assert '"won"' in funnel, funnel
    assert "25050" in sales, sales
