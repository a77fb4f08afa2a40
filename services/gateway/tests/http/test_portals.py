"""Events of several portals in one call of HubSpot's: each goes to the connection whose portal it is."""

import json
from typing import Any

import pytest

from gateway.adapters.claimants import DatabaseClaimants
from gateway.background import reader

from .crm import PUBLIC, Connected
from .test_webhooks import deal_stage, post, read, rows, send

SECRET = "the client secret of one app"
MINE, THEIRS = 44012345, 51


async def joined(gateway: Any, key: str, portal: int | None, secret: str = SECRET) -> Connected:
    client = await gateway.client()
    settings = {"portal_id": str(portal)} if portal is not None else {}
    body = {"provider": "hubspot", "name": "HubSpot", "secret": secret, "public_url": PUBLIC,
            "settings": settings}  # fmt: skip
    made = await client.post("/v1/connections", json=body, headers={"X-API-Key": key})
    assert made.status_code == 201, made.text
    path = "/v1/webhooks/" + made.json()["url"].partition("/v1/webhooks/")[2]
    return Connected(made.json()["id"], "hubspot", path, secret)


async def told_by(gateway: Any, to: Connected) -> list[str]:
    found = await rows(gateway, "SELECT tenant_id, record FROM outbox ORDER BY id")
    events = [json.loads(row["record"]) for row in found]
    return [e["data"]["external_id"] for e in events if e["data"]["connection_id"] == to.id]


async def kept_by(gateway: Any, to: Connected) -> list[tuple[str, int]]:
    query = f"SELECT status, changes FROM delivery WHERE connection_id = '{to.id}' ORDER BY id"
    return [(row["status"], row["changes"]) for row in await rows(gateway, query)]


def batch(*portals: int) -> list[dict[str, Any]]:
    return [
        event
        for n, portal in enumerate(portals)
        for event in deal_stage(eventId=n, portalId=portal, objectId=portal * 10 + n)
    ]


async def test_events_of_two_tenants_in_one_call_reach_the_tenant_whose_portal_it_is(gateway):
    mine = await joined(gateway, gateway.keys["admin"], MINE)
    theirs = await joined(gateway, await gateway.other_tenant_key(), THEIRS)
    for _ in range(2):  # the vendor repeats what it was answered late
        assert (await send(gateway, mine.sent(batch(MINE, THEIRS, MINE)))).status_code == 200
    assert await told_by(gateway, mine) == [f"{MINE}0", f"{MINE}2"]
    assert await told_by(gateway, theirs) == [f"{THEIRS}1"]
    assert await kept_by(gateway, mine) == [("translated", 2), ("duplicate", 2)]
    assert await kept_by(gateway, theirs) == [("translated", 1), ("duplicate", 1)]
    query = "SELECT count(DISTINCT tenant_id) FROM delivery_key"
    assert (await rows(gateway, query))[0][0] == 2
    (record,) = (await rows(gateway, "SELECT record FROM outbox WHERE tenant_id <> "
                            f"'{gateway.tenant_id}'"))  # fmt: skip
    assert str(gateway.tenant_id) not in record["record"].decode()


@pytest.mark.parametrize("secret", ["the client secret of another app"])
async def test_a_portal_is_not_had_by_saying_that_it_is_one_s_own(gateway, secret):
    mine = await joined(gateway, gateway.keys["admin"], MINE)
    thief = await joined(gateway, await gateway.other_tenant_key(), THEIRS, secret)
    await send(gateway, mine.sent(batch(MINE, THEIRS)))
    assert await told_by(gateway, mine) == [f"{MINE}0"]
    assert (await kept_by(gateway, thief), await told_by(gateway, thief)) == ([], [])


async def test_a_connection_for_every_portal_leaves_those_that_have_one_of_their_own(gateway):
    all_, own = [await joined(gateway, gateway.keys["admin"], portal) for portal in (None, THEIRS)]
    await send(gateway, all_.sent(batch(MINE, THEIRS)))
    assert await told_by(gateway, all_) == [f"{MINE}0"]
    assert await told_by(gateway, own) == [f"{THEIRS}1"]
    admin = await gateway.client("admin")
    path = f"/v1/connections/{all_.id}/deliveries"
    (delivery,) = (await admin.get(path)).json()["items"]
    assert (await admin.post(f"{path}/{delivery['id']}/replay")).json()["changes"] == 1
    assert set(await told_by(gateway, all_)) == {f"{MINE}0"}, "what was handed on is kept no more"


async def test_events_of_a_paused_connection_or_of_nobody_stay_where_they_came_in(gateway):
    mine, other = [await joined(gateway, gateway.keys["admin"], one) for one in (MINE, THEIRS)]
    admin = await gateway.client("admin")
    await admin.post(f"/v1/connections/{other.id}/pause")
    await send(gateway, mine.sent(batch(THEIRS, 7)))
    assert (await kept_by(gateway, mine), await kept_by(gateway, other)) == ([("ignored", 2)], [])


async def test_a_reader_that_dies_after_it_handed_on_hands_on_once(gateway, monkeypatch):
    mine = await joined(gateway, gateway.keys["admin"], MINE)
    theirs = await joined(gateway, await gateway.other_tenant_key(), THEIRS)
    await post(gateway, mine.sent(batch(MINE, THEIRS)))

    async def dying(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("gateway.application.reading.read_all", dying)
        with pytest.raises(KeyboardInterrupt):
            await reader(gateway.runtime).turn()
    assert await kept_by(gateway, theirs) == [("stored", 0)]
    await read(gateway)
    assert await kept_by(gateway, mine) == await kept_by(gateway, theirs) == [("translated", 1)]
    assert await told_by(gateway, theirs) == [f"{THEIRS}1"]


async def test_whoever_asked_one_portal_to_be_forgotten_is_in_no_body_of_the_other(gateway):
    mine = await joined(gateway, gateway.keys["admin"], MINE)
    await joined(gateway, await gateway.other_tenant_key(), THEIRS)
    contact = {"subscriptionType": "contact.propertyChange", "propertyName": "email",
               "propertyValue": "ada@byron.example", "objectId": 9}  # fmt: skip
    await send(gateway, mine.sent([*batch(MINE), *deal_stage(**contact, portalId=THEIRS)]))
    forget = deal_stage(eventId=8, subscriptionType="contact.privacyDeletion", propertyName=None,
                        propertyValue=None, objectId=9, portalId=THEIRS)  # fmt: skip
    await send(gateway, mine.sent([*forget, *batch(MINE, MINE)]))
    own = await rows(gateway, f"SELECT sealed FROM delivery WHERE connection_id = '{mine.id}'")
    assert sorted(bool(row["sealed"]) for row in own) == [True, True]
    theirs = f"SELECT sealed FROM delivery WHERE connection_id <> '{mine.id}'"
    assert [row["sealed"] for row in await rows(gateway, theirs)] == [b"", b""]
    admin = await gateway.client("admin")
    for one in (await admin.get(f"/v1/connections/{mine.id}/deliveries")).json()["items"]:
        meaning = await admin.get(f"/v1/connections/{mine.id}/deliveries/{one['id']}/meaning")
        assert {event["kind"] for event in meaning.json()["events"]} == {"deal"}


async def test_calls_that_wait_together_ask_once_who_claims_what_they_name(gateway, monkeypatch):
    mine = await joined(gateway, gateway.keys["admin"], MINE)
    theirs = await joined(gateway, await gateway.other_tenant_key(), THEIRS)
    of, asked = DatabaseClaimants.of, []

    async def counted(self, *question):
        asked.append(question)
        return await of(self, *question)

    monkeypatch.setattr(DatabaseClaimants, "of", counted)
    for n in range(3):
        event = deal_stage(eventId=n, portalId=THEIRS, objectId=n)
        assert (await post(gateway, mine.sent(event))).status_code == 200
    await read(gateway)
    assert len(await told_by(gateway, theirs)) == 3
    assert len(asked) == 1
