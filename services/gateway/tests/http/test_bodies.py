"""What came in is kept for its days and no longer, and not at all once its subject asked to be forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.bodies import expire
from onefunnel.clock import SystemClock

from .crm_work import a_deal, api, changed
from .test_webhooks import became, connected, deal_stage, rows, send, stored, told, won

pytestmark = pytest.mark.usefixtures("loopback")


async def expired(gateway: Any, days: int, *, after: int) -> None:
    now = SystemClock().now() + timedelta(days=after)
    async with gateway.runtime.worker_database("gateway").transaction() as conn:
        await expire(conn, now, days)


async def first(gateway: Any, to: Any) -> dict[str, Any]:
    admin = await gateway.client("admin")
    listed = await admin.get(f"/v1/connections/{to.id}/deliveries")
    return listed.json()["items"][-1]


async def replayed(gateway: Any, to: Any, delivery: dict[str, Any]) -> Any:
    admin = await gateway.client("admin")
    return await admin.post(f"/v1/connections/{to.id}/deliveries/{delivery['id']}/replay")


async def test_a_body_is_readable_for_its_days_and_gone_after(gateway):
    to = await connected(gateway, "standard")
    await send(gateway, to.sent(won()))
    delivery = await first(gateway, to)
    await expired(gateway, 14, after=14)
    assert (await replayed(gateway, to, delivery)).status_code == 200
    await expired(gateway, 14, after=15)
    answer = await replayed(gateway, to, delivery)
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert (await first(gateway, to))["erased_at"] is not None
    assert await rows(gateway, "SELECT 1 FROM body_key") == []
    admin = await gateway.client("admin")
    meaning = await admin.get(f"/v1/connections/{to.id}/deliveries/{delivery['id']}/meaning")
    assert meaning.status_code == 410


async def test_a_body_whose_key_was_destroyed_is_gone_wherever_its_row_is(gateway):
    to = await connected(gateway, "standard")
    await send(gateway, to.sent(won()))
    await changed(gateway, "DELETE FROM body_key")
    assert (await replayed(gateway, to, await first(gateway, to))).status_code == 410


async def test_bodies_of_one_day_share_a_key_and_every_tenant_has_its_own(gateway):
    to = await connected(gateway, "standard")
    for n in range(3):
        await send(gateway, to.sent(won(f"D-{n}"), id=f"msg_{n}"))
    assert len(await rows(gateway, "SELECT 1 FROM body_key")) == 1
    other = await gateway.client()
    key = {"X-API-Key": await gateway.other_tenant_key()}
    body = {"provider": "standard", "name": "CRM"}
    made = (await other.post("/v1/connections", json=body, headers=key)).json()
    await other.post(f"/v1/connections/{made['id']}/test", json={}, headers=key)
    assert len(await rows(gateway, "SELECT DISTINCT tenant_id, id FROM body_key")) == 2
    content = [bytes(row["sealed"]) for row in await rows(gateway, "SELECT sealed FROM delivery")]
    assert not any(b"48250" in one for one in content)


async def test_rows_stay_longer_than_bodies_so_that_what_came_is_known(gateway):
    to = await connected(gateway, "standard")
    sent = to.sent(won())
    await send(gateway, sent)
    await expired(gateway, 14, after=89)
    await send(gateway, sent)
    assert (await became(gateway))[-1] == "duplicate"
    await expired(gateway, 14, after=91)
    assert await stored(gateway) == 0
    assert await rows(gateway, "SELECT 1 FROM delivery_key") == []


def contact(action: str, **changed: Any) -> dict[str, Any]:
    (event,) = deal_stage(subscriptionType=f"contact.{action}", objectId=77, **changed)
    return event


async def test_a_contact_that_asked_to_be_forgotten_is_in_no_body(gateway, work, hubspot):
    hubspot.put("contacts", "77", lastmodifieddate="2026-11-17T09:30:00.000Z")
    hubspot.put("deals", "1", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    email = {"propertyName": "email", "propertyValue": "ada@byron.example"}
    await send(gateway, to.sent([contact("propertyChange", **email)]))
    await work.all()
    await send(gateway, to.sent(deal_stage(objectId=1, eventId=5)))
    asked = contact("privacyDeletion", eventId=9, occurredAt=1794907900000)
    await send(gateway, to.sent([asked]))
    kept = await rows(
        gateway, "SELECT erased_at, octet_length(sealed) AS n FROM delivery ORDER BY id"
    )
    assert [(row["erased_at"] is None, row["n"] > 0) for row in kept] == [
        (False, False), (False, False), (True, True), (False, False),
    ]  # fmt: skip
    (erased,) = [event for event in await told(gateway) if event.get("erased")]
    assert (erased["kind"], erased["external_id"], erased["deleted"]) == ("lead", "77", True)
    # What comes late about them is forgotten as it comes.
    await send(gateway, to.sent([contact("propertyChange", eventId=10, **email)]))
    last = await rows(
        gateway, "SELECT octet_length(sealed) AS n FROM delivery ORDER BY id DESC LIMIT 1"
    )
    assert last[0]["n"] == 0
    assert await rows(gateway, "SELECT 1 FROM record_read WHERE external_id = '77'") == []


async def test_only_whole_days_are_destroyed(gateway):
    to = await connected(gateway, "standard")
    await send(gateway, to.sent(won()))
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with gateway.runtime.worker_database("gateway").transaction() as conn:
        await expire(conn, midnight + timedelta(days=1, hours=23), 1)
    assert len(await rows(gateway, "SELECT 1 FROM body_key")) == 1
