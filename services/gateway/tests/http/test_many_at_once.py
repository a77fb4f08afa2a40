"""Deliveries that come at once share a transaction; each is judged, stored and answered for itself."""

import asyncio
from collections import Counter

from structlog.testing import capture_logs

from gateway.adapters.deliveries import DeliveryRepository
from onefunnel.http.problems import Problem

from .test_webhooks import became, connected, post, read, stored, told, won


def deal(to, n, **more):
    return to.sent(won(f"D-{n}"), id=f"msg_{n}", **more)


async def burst(gateway, *requests):
    answers = await asyncio.gather(*(post(gateway, one) for one in requests))
    await read(gateway)
    return answers


async def test_forged_known_and_unreadable_ones_change_nothing_for_their_neighbours(gateway):
    to = await connected(gateway, "standard")
    forged = deal(to, "forged")
    forged.body += b" "
    twice = deal(to, "twice")
    good = [deal(to, n) for n in range(20)]
    answers = await burst(
        gateway, good[0], forged, twice, to.sent([1, 2], id="msg_unreadable"), twice, *good[1:]
    )
    assert Counter(answer.status_code for answer in answers) == {200: 22, 401: 1, 422: 1}
    assert Counter(await became(gateway)) == {"translated": 21, "duplicate": 1}
    ids = [event["external_id"] for event in await told(gateway)]
    assert sorted(ids) == sorted([*(f"D-{n}" for n in range(20)), "D-twice"])
    kept = [answer.json()["delivery_id"] for answer in answers if answer.is_success]
    assert set(kept) == await delivery_ids(gateway)


async def test_the_log_says_which_request_was_refused(gateway):
    to = await connected(gateway, "standard")
    forged = deal(to, "forged")
    forged.body += b" "
    with capture_logs() as lines:
        _, refused, _ = await burst(gateway, deal(to, 1), forged, deal(to, 2))
    (line,) = [line for line in lines if line["event"] == "webhook.refused"]
    assert line["correlation_id"] == refused.json()["request_id"]


async def delivery_ids(gateway):
    client = await gateway.client("admin")
    (connection,) = (await client.get("/v1/connections")).json()["items"]
    listed = await client.get(f"/v1/connections/{connection['id']}/deliveries?limit=100")
    return {item["id"] for item in listed.json()["items"]}


async def test_two_connections_of_a_tenant_keep_their_own_secrets_and_keys(gateway):
    one, other = await connected(gateway, "standard"), await connected(gateway, "standard")
    crossed = deal(one, "crossed")
    crossed.path = other.path
    answers = await burst(
        gateway,
        *(deal(to, "same") for to in (one, other)),
        crossed,
    )
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert await stored(gateway) == 2


async def test_one_that_cannot_be_stored_takes_nobody_along(gateway, monkeypatch):
    to = await connected(gateway, "standard")
    keep = DeliveryRepository.keep

    async def failing(self, given):
        if any(b"D-3" in one.content for one in given):
            raise Problem("conflict", "not this one")
        return await keep(self, given)

    monkeypatch.setattr(DeliveryRepository, "keep", failing)
    answers = await burst(gateway, *(deal(to, n) for n in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 3 + [409] + [200] * 4
    ids = [event["external_id"] for event in await told(gateway)]
    assert sorted(ids) == [f"D-{n}" for n in range(8) if n != 3]
