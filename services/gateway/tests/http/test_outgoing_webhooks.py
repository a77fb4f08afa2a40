"""What subscribers are sent: once per event and endpoint, signed, again after failures, never for ever."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.sending import DatabaseClaims
from gateway.domain.subscription import Attempt
from onefunnel.http.outgoing import Rules
from onefunnel.ids import new_id
from onefunnel.testing.faults import start_child, was_killed
from onefunnel.testing.receiver import receiving, status
from onefunnel.testing.waiting import until

from .hooks import (
    PATH,
    AheadClock,
    created,
    deliveries,
    happen,
    records,
    sending,
    shown,
    standing,
    subscribed,
    verified,
    won,
)
from .test_webhooks import rows

DYING = Path(__file__).with_name("dying_sender.py")


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    monkeypatch.setenv("ONEFUNNEL_OUTGOING_LOOPBACK", "true")


async def test_an_event_is_sent_signed_thin_and_once_to_each_that_asked(gateway):
    async with receiving() as one, receiving() as two, receiving() as other:
        first = await subscribed(gateway, one.url, "deal.won")
        second = await subscribed(gateway, two.url, "deal.won", "deal.created")
        await subscribed(gateway, other.url, "deal.lost")
        deal_id = new_id()
        _, record = records(gateway, created(deal_id), won(deal_id))
        await happen(gateway, record, record)
        async with sending(gateway):
            await standing(gateway, first, "delivered", 1)
            await standing(gateway, second, "delivered", 1)
        (got,), (also,) = one.got, two.got
        assert other.got == []
    assert got.headers["webhook-id"] == also.headers["webhook-id"] == str(record.event_id)
    assert verified(also, second["secret"]) == verified(got, first["secret"])
    assert verified(got, first["secret"]) == {
        "type": "deal.won",
        "timestamp": "2026-05-01T12:00:00Z",
        "data": {
            "at": "2026-05-01T12:00:00Z",
            "currency": "EUR",
            "deal_id": str(deal_id),
            "revenue_minor": 75_050,
            "version": 1,
        },
    }
    stamp = int(got.headers["webhook-timestamp"])
    assert abs(stamp - datetime.now(UTC).timestamp()) < 60


async def test_nobody_is_told_of_what_was_before_the_subscription_or_during_a_pause(gateway):
    async with receiving() as receiver:
        made = await subscribed(gateway, receiver.url)
        before = datetime.now(UTC) - timedelta(minutes=1)
        await happen(gateway, *records(gateway, created(), at=before))
        await switched(gateway, made, "paused")
        await happen(gateway, *records(gateway, created()))
        assert await deliveries(gateway, made) == []
        await switched(gateway, made, "active")
        await happen(gateway, *records(gateway, created()))
        assert len(await deliveries(gateway, made)) == 1


async def test_what_waits_is_kept_while_a_subscription_is_paused(gateway):
    async with receiving() as receiver, sending(gateway) as sender:
        receiver.answer = status(503)
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        await standing(gateway, made, "waiting", 1)
        await switched(gateway, made, "paused")
        receiver.answer = status(200)
        sender.later(minutes=1)
        admin = await gateway.client("admin")
        (waiting,) = await deliveries(gateway, made)
        for path in ("test", f"deliveries/{waiting['id']}/replay"):
            assert (await admin.post(f"{PATH}/{made['id']}/{path}")).status_code == 409
        await switched(gateway, made, "active")
        sender.later(seconds=1)
        await standing(gateway, made, "delivered", 2)
        assert len(receiver.got) == 2


async def test_a_failure_is_tried_again_later_each_time_up_to_three_days_and_then_dead(gateway):
    async with receiving() as receiver, sending(gateway) as sender:
        receiver.answer = status(500)
        made = await subscribed(gateway, receiver.url)
        (record,) = records(gateway, created())
        await happen(gateway, record)
        waits, attempts = [], 0
        while True:
            attempts += 1
            await until(lambda n=attempts: attempted(gateway, made, n))
            (seen,) = await deliveries(gateway, made)
            assert (seen["last_code"], seen["last_error"]) == (500, None)
            if seen["status"] == "dead":
                break
            last_at = datetime.fromisoformat(seen["last_at"])
            waits.append((datetime.fromisoformat(seen["next_at"]) - last_at).total_seconds())
            sender.later(seconds=waits[-1] + 1)
        limits = [5, 300, 1_800, 7_200, 18_000, 36_000]
        limits += [36_000] * (len(waits) - len(limits))
        assert all(0 <= wait <= limit for wait, limit in zip(waits, limits, strict=True)), waits
        assert sender.clock.ahead >= timedelta(hours=71, minutes=59)  # the rest went by itself
        assert {one.headers["webhook-id"] for one in receiver.got} == {str(record.event_id)}
        assert len({one.body for one in receiver.got}) == 1
        assert len(receiver.got) == attempts

        receiver.answer = status(200)
        admin = await gateway.client("admin")
        again = await admin.post(f"{PATH}/{made['id']}/deliveries/{seen['id']}/replay")
        assert (again.json()["status"], again.json()["attempts"]) == ("waiting", 0)
        sender.later(seconds=1)
        await standing(gateway, made, "delivered", 1)
        assert receiver.got[-1].headers["webhook-id"] == str(record.event_id)
        assert (await shown(gateway, made))["failing_since"] is None


async def attempted(gateway, made, attempts):
    (seen,) = await deliveries(gateway, made)
    return seen["attempts"] == attempts


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(status(302, "Location: http://127.0.0.1/"), "status-302"), (status(404), "status-404"),
     (b"no http\r\n\r\n", "connection")],
)  # fmt: skip
async def test_what_is_not_2xx_is_a_failure_and_shown(gateway, answer, failure):
    async with receiving() as receiver, sending(gateway):
        receiver.answers = [answer]
        receiver.answer = status(500)
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        await standing(gateway, made, "waiting", 1)
        seen = await shown(gateway, made)
    assert seen["last_failure"] == failure
    assert seen["failing_since"] is not None
    assert seen["state"] == "active"


async def test_an_endpoint_that_is_gone_is_told_nothing_more(gateway):
    async with receiving() as receiver, sending(gateway):
        receiver.answer = status(410)
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        await standing(gateway, made, "dead", 1)
        seen = await shown(gateway, made)
    assert (seen["state"], seen["paused_because"]) == ("paused", "gone")


async def test_an_endpoint_that_fails_for_five_days_is_paused_and_what_waits_is_kept(gateway):
    async with receiving() as receiver, sending(gateway) as sender:
        receiver.answer = status(503)
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        await standing(gateway, made, "waiting", 1)
        sender.clock.ahead += timedelta(days=5)
        await happen(gateway, *records(gateway, created()))
        sender.later(seconds=1)
        await until(lambda: paused(gateway, made))
        seen = await shown(gateway, made)
    assert seen["paused_because"] == "failing"
    assert seen["last_failure"] == "status-503"


async def paused(gateway, made):
    return (await shown(gateway, made))["state"] == "paused"


async def test_a_name_that_leads_home_is_not_called_and_the_endpoint_is_flagged(gateway):
    async def home(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14", "10.0.0.1"]

    made = await subscribed(gateway, "https://8.8.8.8/")
    await rows(
        gateway, "UPDATE webhook_subscription SET url = 'https://hooks.example.com/' RETURNING 1"
    )
    await happen(gateway, *records(gateway, created()))
    async with sending(gateway, rules=Rules(), resolve=home):
        seen = await standing(gateway, made, "waiting", 1)
    assert (seen["last_code"], seen["last_error"]) == (None, "address-refused")
    assert (await shown(gateway, made))["last_failure"] == "address-refused"


async def test_a_rotated_secret_signs_beside_the_one_before_for_a_day(gateway):
    async with receiving() as receiver, sending(gateway) as sender:
        made = await subscribed(gateway, receiver.url)
        admin = await gateway.client("admin")
        rotated = await admin.post(f"{PATH}/{made['id']}/rotate")
        old, new = made["secret"], rotated.json()["secret"]
        assert (await admin.post(f"{PATH}/{made['id']}/rotate")).status_code == 409
        await happen(gateway, *records(gateway, created()))
        await standing(gateway, made, "delivered", 1)
        verified(receiver.got[0], new, old)
        sender.later(hours=25)
        await happen(gateway, *records(gateway, created()))
        await until(lambda: len(receiver.got) == 2)
        verified(receiver.got[1], new)


async def test_a_test_goes_the_way_of_all_others(gateway):
    async with receiving() as receiver, sending(gateway) as sender:
        made = await subscribed(gateway, receiver.url)
        admin = await gateway.client("admin")
        asked = await admin.post(f"{PATH}/{made['id']}/test")
        assert asked.json()["status"] == "waiting"
        sender.wakeups.wake()
        await standing(gateway, made, "delivered", 1)
        content = verified(receiver.got[0], made["secret"])
    assert (content["type"], content["data"]) == ("webhook.test", {"subscription_id": made["id"]})


async def test_an_endpoint_that_does_not_answer_holds_up_nobody_but_itself(gateway):
    release = asyncio.Event()

    async def silent(writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    async with receiving() as slow, receiving() as quick, sending(gateway) as sender:
        slow.answer = silent
        stuck = await subscribed(gateway, slow.url)
        await happen(gateway, *[r for _ in range(40) for r in records(gateway, created())])
        sender.wakeups.wake()
        await until(lambda: len(slow.got) == 4)
        made = await subscribed(gateway, quick.url)
        await happen(gateway, *records(gateway, created()))
        sender.wakeups.wake()
        await standing(gateway, made, "delivered", 1)
        assert len(slow.got) == 4
        assert len(await deliveries(gateway, stuck, "?status=waiting&limit=200")) == 41
        release.set()


async def test_two_senders_send_each_delivery_once(gateway):
    async with receiving() as receiver:
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *[r for _ in range(30) for r in records(gateway, created())])
        async with sending(gateway), sending(gateway):
            await until(lambda: all_delivered(gateway, made, 30))
        ids = [one.headers["webhook-id"] for one in receiver.got]
    assert len(ids) == len(set(ids)) == 30


async def all_delivered(gateway, made, n):
    return len(await deliveries(gateway, made, "?status=delivered&limit=200")) == n


async def test_a_sender_killed_between_sending_and_noting_is_followed_with_the_same_id(gateway):
    async with receiving() as receiver:
        made = await subscribed(gateway, receiver.url)
        (record,) = records(gateway, created())
        await happen(gateway, record)
        url = gateway.runtime.worker_database("gateway").url
        key = gateway.runtime.internal_key.hex()
        with start_child(DYING, url, key, fault="webhook.after_send") as child:
            assert await asyncio.to_thread(was_killed, child)
        assert len(receiver.got) == 1
        assert (await deliveries(gateway, made))[0]["status"] == "waiting"
        async with sending(gateway) as sender:
            sender.later(seconds=61)  # beyond the lease of the dead one
            await standing(gateway, made, "delivered", 1)
        first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(record.event_id)
    assert first.body == second.body
    verified(second, made["secret"])


async def test_what_another_sender_has_is_left_to_it_until_its_lease_ends(gateway):
    async with receiving() as receiver:
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        claims = DatabaseClaims(gateway.runtime.worker_database("gateway"))
        clock = AheadClock()
        (mine,) = await claims.claim(clock.now(), 10)
        assert await claims.claim(clock.now(), 10) == []
        (its,) = await claims.claim(clock.now() + timedelta(seconds=61), 10)
        assert not await claims.note(mine, Attempt(500), clock.now(), 1.0)
        assert await claims.note(its, Attempt(204), clock.now(), 1.0)
        await standing(gateway, made, "delivered", 1)


async def test_a_subscription_that_is_deleted_takes_its_deliveries_along(gateway):
    async with receiving() as receiver:
        made = await subscribed(gateway, receiver.url)
        (record,) = records(gateway, created())
        await happen(gateway, record)
        admin = await gateway.client("admin")
        await admin.delete(f"{PATH}/{made['id']}")
        await happen(gateway, record)
        assert await rows(gateway, "SELECT 1 FROM webhook_delivery") == []


async def test_what_was_done_with_a_month_ago_is_forgotten(gateway):
    async with receiving() as receiver:
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        async with sending(gateway):
            await standing(gateway, made, "delivered", 1)
        await rows(
            gateway, "UPDATE webhook_delivery SET last_at = now() - interval '31 days' RETURNING 1"
        )
        await happen(gateway, *records(gateway, created()))
        async with sending(gateway):
            await until(lambda: left(gateway, made, 1))


async def left(gateway, made, n):
    found = await deliveries(gateway, made)
    return len(found) == n and found[0]["status"] == "delivered"


async def test_a_body_is_what_was_signed_and_its_content_is_plain_json(gateway):
    async with receiving() as receiver, sending(gateway):
        made = await subscribed(gateway, receiver.url)
        await happen(gateway, *records(gateway, created()))
        await standing(gateway, made, "delivered", 1)
        (got,) = receiver.got
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Onefunnel")
    assert set(json.loads(got.body)) == {"type", "timestamp", "data"}


async def switched(gateway, made, state):
    admin = await gateway.client("admin")
    one = f"{PATH}/{made['id']}"
    seen = (await admin.get(one)).headers["ETag"]
    answer = await admin.patch(one, json={"state": state}, headers={"If-Match": seen})
    assert answer.status_code == 200, answer.text
