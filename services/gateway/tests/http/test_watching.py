"""What of the gateway is measured: subscribers that fail, CRMs that need somebody, and nothing old."""

from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway.adapters.measuring import NAMES, Outside
from onefunnel.clock import SystemClock
from onefunnel.measured import Measured

from .crm_work import changed
from .hooks import created, happen, records, subscribed
from .test_webhooks import connected, deal_stage, post, read, send, won

URL = "https://hooks.example/a"


def measured(name: str) -> float:
    found = REGISTRY.get_sample_value(f"onefunnel_{name}", {"service": "gateway"})
    assert found is not None
    return found


async def looked(gateway: Any, look: Any = None) -> None:
    async def own() -> list[str]:
        return []

    worker = gateway.runtime.worker_database("gateway")
    await Measured("gateway", own, look or Outside(worker), NAMES, SystemClock())()


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEFUNNEL_OUTGOING_LOOPBACK", "true")


@pytest.mark.parametrize(("state", "because", "since_min", "fails"), [
    ("active", None, None, 0),
    ("active", None, 59, 0),
    ("active", None, 61, 1),
    ("paused", "owner", 600, 0),
    ("paused", "failing", 600, 1),
    ("paused", "gone", 0, 1),
])  # fmt: skip
async def test_a_subscriber_fails_after_an_hour_or_when_we_paused_it(
    gateway, state, because, since_min, fails
):
    await subscribed(gateway, "http://127.0.0.1:20999/a")
    now = datetime.now(UTC)
    since = (
        f"'{(now - timedelta(minutes=since_min)).isoformat()}'" if since_min is not None else "NULL"
    )
    reason = f"'{because}'" if because else "NULL"
    await changed(
        gateway,
        f"UPDATE webhook_subscription SET state = '{state}', paused_because = {reason},"
        f" failing_since = {since}",
    )
    await looked(gateway)
    assert measured("webhook_subscriptions_failing") == fails


async def test_what_waits_is_counted_with_its_age(gateway):
    await subscribed(gateway, "http://127.0.0.1:20999/a")
    await happen(gateway, *records(gateway, created(), created(), at=datetime.now(UTC)))
    await changed(gateway, "UPDATE webhook_delivery SET created_at = now() - interval '90 s'")
    await looked(gateway)
    assert measured("webhook_deliveries_waiting") == 2
    assert 90 <= measured("webhook_oldest_age_seconds") < 120


async def test_webhooks_that_nobody_has_read_are_counted_with_their_age(gateway):
    to = await connected(gateway, "standard")
    await post(gateway, to.sent(won()))
    await changed(gateway, "UPDATE delivery SET received_at = now() - interval '90 s'")
    await looked(gateway)
    assert measured("crm_deliveries_unread") == 1
    assert 90 <= measured("crm_unread_oldest_age_seconds") < 120
    await read(gateway)
    await looked(gateway)
    assert measured("crm_deliveries_unread") == measured("crm_unread_oldest_age_seconds") == 0


async def test_a_record_that_waits_to_be_read_in_its_crm_is_counted_after_a_day(gateway):
    to = await connected(gateway, "hubspot", api={"token": "of nobody"})
    await send(gateway, to.sent(deal_stage()))
    for hours, waiting in ((23, 0), (25, 1)):
        await changed(
            gateway, f"UPDATE delivery SET received_at = now() - interval '{hours} hours'"
        )
        await looked(gateway)
        assert measured("crm_changes_waiting") == waiting
    admin = await gateway.client("admin")
    await admin.post(f"/v1/connections/{to.id}/pause")
    await looked(gateway)
    assert measured("crm_changes_waiting") == 0


async def test_a_connection_needs_attention_while_it_is_not_paused(gateway):
    to = await connected(gateway, "standard")
    attention = '{"code":"grant-refused","detail":"x","since":"2026-11-28T00:00:00+00:00"}'
    await changed(gateway, f"UPDATE connection SET attention = '{attention}'")
    await looked(gateway)
    assert measured("crm_connections_needing_attention") == 1
    admin = await gateway.client("admin")
    await admin.post(f"/v1/connections/{to.id}/pause")
    await looked(gateway)
    assert measured("crm_connections_needing_attention") == 0


async def test_what_could_not_be_found_out_is_no_number(gateway):
    async def away(_now: datetime) -> Any:
        raise ConnectionError

    await looked(gateway)
    with pytest.raises(ConnectionError):
        await looked(gateway, away)
    assert all(isnan(measured(name)) for name in NAMES)
