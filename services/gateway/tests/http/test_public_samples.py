"""Raw recorded requests of every vendor, at the clock of their recording: status, effect, and once only."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from onefunnel.clock import SystemClock
from onefunnel.testing.shared_files import shared_path

from .test_webhooks import read, rows, stored, told

ORIGIN = "https://gw.acme-align.example"
SAMPLES = [
    "close_opportunity_won",
    "cloudevents_batch",
    "cloudevents_binary_lead_created",
    "cloudevents_structured_lead_created",
    "dynamics_lead_qualified",
    "dynamics_opportunity_won_update",
    "espocrm_opportunity_update",
    "hubspot_generic_object_events",
    "hubspot_v3_contact_created_and_mql",
    "hubspot_v3_deal_closedwon",
    "odoo_crm_lead_stage",
    "pipedrive_v1_updated_deal_won",
    "pipedrive_v2_change_deal_stage",
    "pipedrive_v2_create_lead",
    "salesforce_flow_http_callout",
    "salesforce_outbound_message_opportunity",
    "standard_webhooks_deal_won",
    "twenty_opportunity_updated",
    "zoho_notification_deals_update",
    "zoho_notification_leads_insert",
]
STANDINGS = {"won": "won", "lost": "lost", "qualified": "qualified"}
COST = "custom_fields.7c1f0a4f5e1d2b3c4d5e6f708192a3b4c5d6e7f8"


def mapping_of(provider: str) -> dict[str, Any] | None:
    if provider == "pipedrive":
        names = {"stage": "stage_id", "amount": "value", "currency": "currency", "cost": COST}
        return {"deal": {**names, "owner": "owner_id"}}
    if provider == "close":
        return {"stages": {"stat_PubWon0001": "won"}}
    if provider == "odoo":
        return {"stages": {"4": "won"}}
    return None


async def prepared(gateway: Any, meta: Mapping[str, Any], monkeypatch: Any) -> Any:
    """Make the connection of a sample under the endpoint that the sample was sent to."""
    path = meta["request"]["url"].removeprefix(ORIGIN).partition("?")[0].split("/")
    provider, endpoint_id, known = path[3], path[4], meta["endpoint"]
    secret = known["secrets"][0]
    settings = {
        name: str(known[name]) for name in ("organization_id", "webhook_id", "header", "portal_id")
        if name in known
    }  # fmt: skip
    body = {
        "provider": provider,
        "name": meta["name"],
        "public_url": ORIGIN,
        "secret": ":".join(secret) if isinstance(secret, list) else secret,
        "settings": settings,
        "mapping": mapping_of(provider),
    }
    admin = await gateway.client("admin")
    made = await admin.post("/v1/connections", json=body)
    assert made.status_code == 201, made.text
    url = gateway.runtime.database("gateway").url.replace("onefunnel_app", "postgres")
    owner = await asyncpg.connect(url)
    await owner.execute("UPDATE connection SET endpoint_id = $1", endpoint_id)
    await owner.execute("UPDATE connection_endpoint SET id = $1", endpoint_id)
    await owner.close()
    at = datetime.fromtimestamp(meta["verify_at_ms"] / 1000, UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: at)
    return made.json()


def loaded(name: str) -> tuple[dict[str, Any], bytes]:
    folder = shared_path("cases/webhooks")
    meta = json.loads((folder / f"{name}.meta.json").read_text())
    return meta, (folder / meta["body_file"]).read_bytes()


async def sent(gateway: Any, meta: Mapping[str, Any], body: bytes, **headers: str) -> Any:
    client = await gateway.client()
    url = meta["request"]["url"].removeprefix(ORIGIN)
    given = {k: v for k, v in meta["request"]["headers"].items() if k != "Content-Length"}
    answer = await client.post(url, content=body, headers={**given, **headers})
    await read(gateway)
    return answer


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_recorded_request_is_answered_and_told_as_it_should_be(gateway, monkeypatch, name):
    meta, body = loaded(name)
    await prepared(gateway, meta, monkeypatch)
    expected = meta["expect"]
    for _ in range(2):
        answer = await sent(gateway, meta, body)
        assert answer.status_code in expected["status"], answer.text
        assert expected.get("response_must_contain", "") in answer.text
    assert await stored(gateway) == 1
    events = await told(gateway)
    for canonical in expected["canonical"]:
        mine = [e for e in events if e["external_id"] == canonical["external_id"]]
        assert {e["kind"] for e in mine} == {canonical["entity"]}
        action = canonical["type"].partition(".")[2]
        if action in STANDINGS:
            assert STANDINGS[action] in {e["standing"] for e in mine}
        at = datetime.fromisoformat(canonical["occurred_at"]) if "espocrm" not in name else None
        assert at is None or at in {datetime.fromisoformat(e["occurred_at"]) for e in mine}
        if "hubspot" in name:  # thin: amounts come with the record that is read for them
            continue
        for field in ("amount", "cost", "discount"):
            if field in canonical["data"]:
                assert {Decimal(e[field]) for e in mine if e[field]} == {
                    Decimal(canonical["data"][field])
                }
        if "currency" in canonical["data"]:
            assert {e["currency"] for e in mine} == {canonical["data"]["currency"]}


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_recorded_request_at_an_endpoint_that_is_not_there_is_not_believed(
    gateway, monkeypatch, name
):
    meta, body = loaded(name)
    await prepared(gateway, meta, monkeypatch)
    url = gateway.runtime.database("gateway").url.replace("onefunnel_app", "postgres")
    owner = await asyncpg.connect(url)
    await owner.execute("UPDATE connection_endpoint SET id = 'another'")
    await owner.close()
    answer = await sent(gateway, meta, body)
    assert answer.status_code == 401
    assert await rows(gateway, "SELECT 1 FROM delivery_key") == []
    assert await stored(gateway) == len(await told(gateway)) == 0


def test_every_recorded_request_is_tried_or_named_as_not_ours():
    folder = shared_path("cases/webhooks")
    names = {file.name.removesuffix(".meta.json") for file in folder.glob("*.meta.json")}
    others = {
        "hubspot_api_deal_response",
        "papermark_link_viewed",
        "salesforce_cdc_opportunity_update",
    }
    assert names == {*SAMPLES, *others}
