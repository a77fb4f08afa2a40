"""Channels that end: opened with the access, renewed daily, opened anew when forgotten, and seen when they fail."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from .crm import PUBLIC
from .crm_work import Work, api, changed
from .test_crm_tokens import by_oauth, shown
from .test_webhooks import connected, rows, send, told
from .vendors import FakeCrm, serving

pytestmark = pytest.mark.usefixtures("loopback")

WEEK = timedelta(days=7)


@pytest_asyncio.fixture
async def zoho(loopback: None) -> AsyncIterator[FakeCrm]:
    async with serving(FakeCrm("zoho")) as crm:
        yield crm


async def opened(gateway: Any, crm: FakeCrm, **options: Any) -> Any:
    return await connected(gateway, "zoho", api=api(crm), public_url=PUBLIC, **options)


async def due(gateway: Any, work: Work) -> None:
    """Let a day pass, and the channel be renewed."""
    await changed(gateway, "UPDATE crm_lane SET channel_at = now()")
    assert await work.one()


async def test_a_channel_is_opened_for_a_week_and_leads_here(gateway, work, zoho):
    to = await opened(gateway, zoho)
    assert await work.all() == 1
    ((id_, channel),) = zoho.channels.items()
    assert channel["notify_url"] == PUBLIC + to.path
    assert (channel["token"], channel["events"]) == (to.secret, ["Deals.all", "Leads.all"])
    left = datetime.fromisoformat(channel["channel_expiry"]) - datetime.now(UTC)
    assert WEEK - timedelta(hours=1) < left < WEEK
    said = (await shown(gateway, to))["channel"]
    assert said["id"] == str(id_)
    assert datetime.fromisoformat(said["expires_at"]) == datetime.fromisoformat(
        channel["channel_expiry"]
    )
    hint = {"module": "Deals", "operation": "update", "ids": ["7"], "token": channel["token"],
            "affected_values": [{"record_id": "7", "values": {"Amount": 10.5}}]}  # fmt: skip
    assert (await send(gateway, to.sent(hint))).is_success
    assert [event["amount"] for event in await told(gateway)] == ["10.5"]


async def test_a_channel_is_renewed_a_day_later_long_before_it_ends(gateway, work, zoho):
    to = await opened(gateway, zoho)
    await work.all()
    (lane,) = await rows(gateway, "SELECT channel_at - now() AS rest FROM crm_lane")
    assert timedelta(hours=23) < lane["rest"] <= timedelta(days=1)
    await changed(
        gateway,
        "UPDATE connection SET channel = jsonb_set(channel, '{expires_at}', '\"2026-01-01T00:00:00+00:00\"')",
    )
    await due(gateway, work)
    assert [one.method for one in zoho.asked] == ["POST", "PATCH"]
    said = datetime.fromisoformat((await shown(gateway, to))["channel"]["expires_at"])
    assert said > datetime.now(UTC) + timedelta(days=6)


async def test_a_channel_that_the_crm_forgot_is_opened_anew(gateway, work, zoho):
    to = await opened(gateway, zoho)
    await work.all()
    zoho.channels.clear()
    await due(gateway, work)
    assert (await shown(gateway, to))["channel"] is None
    assert await work.all() == 1
    assert [one.method for one in zoho.asked] == ["POST", "PATCH", "POST"]
    assert len(zoho.channels) == 1
    assert (await shown(gateway, to))["attention"] is None


@pytest.mark.parametrize(("status", "content", "why"), [
    (400, {"watch": [{"code": "INVALID_DATA", "status": "error"}]}, "INVALID_DATA"),
    (400, {"code": "LICENSE_LIMIT_EXCEEDED", "status": "error"}, "LICENSE_LIMIT_EXCEEDED"),
    (200, {"watch": [{"code": "FAILED", "status": "error"}]}, "FAILED"),
    (200, {"watch": []}, "status 200"),
    (404, {}, "404"),
    (503, {}, "503"),
    (400, {"watch": [{"code": "t0p <secret>", "status": "error"}]}, "status 400"),
])  # fmt: skip
async def test_a_channel_that_is_not_renewed_is_seen_and_tried_again(
    gateway, work, zoho, status, content, why
):
    to = await opened(gateway, zoho)
    await work.all()
    zoho.answers.append((status, {}, content))
    await due(gateway, work)
    found = await shown(gateway, to)
    assert found["attention"]["code"] == "channel-not-renewed"
    assert why in found["attention"]["detail"]
    assert found["channel"] is not None, "it is open until it ends"
    (lane,) = await rows(gateway, "SELECT channel_at - now() AS rest, failures FROM crm_lane")
    assert timedelta(minutes=9) < lane["rest"] <= timedelta(minutes=10)
    assert lane["failures"] == 0, "records can be read meanwhile"
    await due(gateway, work)
    assert (await shown(gateway, to))["attention"] is None


async def test_a_new_secret_is_the_channel_s_token_at_once(gateway, work, zoho):
    to = await opened(gateway, zoho)
    await work.all()
    admin = await gateway.client("admin")
    made = await admin.post(f"/v1/connections/{to.id}/rotate", json={"overlap_hours": 1})
    await work.all()
    ((_, channel),) = zoho.channels.items()
    assert channel["token"] == made.json()["secret"] != to.secret


async def test_a_channel_that_its_owner_made_is_taken_over(gateway, work, zoho):
    zoho.channels[1105420521999070702] = {}
    await opened(gateway, zoho, settings={"channel_id": "1105420521999070702"})
    await work.all()
    assert list(zoho.channels) == [1105420521999070702]


async def test_a_token_is_got_before_a_channel_is_opened(gateway, work, zoho):
    zoho.oauth = True
    await connected(gateway, "zoho", api=by_oauth(zoho), public_url=PUBLIC)
    assert await work.all() == 2
    assert [one.path for one in zoho.asked] == ["/oauth/v2/token", "/crm/v8/actions/watch"]


async def test_without_an_address_no_channel_is_opened(gateway, work, zoho):
    to = await connected(gateway, "zoho", api=api(zoho))
    assert await work.all() == 1
    assert zoho.asked == []
    assert (await shown(gateway, to))["channel"] is None


async def test_a_token_that_is_too_long_for_a_channel_is_refused(gateway):
    admin = await gateway.client("admin")
    body = {"provider": "zoho", "name": "CRM", "secret": "x" * 51}
    answer = await admin.post("/v1/connections", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/secret")
