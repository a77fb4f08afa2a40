"""Shares over HTTP: sent to one receiver, seen how they are read, and withdrawn."""

from datetime import timedelta

import pytest

from onefunnel.ids import new_id


async def test_a_share_is_published_with_its_receiver_and_its_token_is_kept_nowhere(library):
    asset, deal, person = await library.asset(), new_id(), new_id()
    body = {"deal_id": str(deal)}
    answer = await library.post(f"/v1/content/{asset}/shares", body, "rep", person=person)
    share = answer.json()
    envelope, event = (await library.published())[-1]
    assert (str(event.share_id), event.deal_id, event.shared_by) == (share["id"], deal, person)
    assert (envelope.sequence, answer.headers["Event-Id"]) == ("2", str(envelope.id))
    token = share["token"].encode()
    assert not any(token in record for record in await library.outbox())
    assert token not in str(await library.owner.fetch("SELECT * FROM share")).encode()


@pytest.mark.parametrize("both", [True, False])
async def test_a_share_has_exactly_one_receiver(library, both):
    asset = await library.asset()
    body = {"deal_id": str(new_id()), "lead_id": str(new_id())} if both else {}
    assert (await library.post(f"/v1/content/{asset}/shares", body, "rep")).status_code == 422


async def test_what_is_expired_or_retired_is_not_shared(library):
    today = library.clock.at.date().isoformat()
    expired, retired = await library.asset(expires_on=today), await library.asset()
    await library.post(f"/v1/content/{retired}/retire", {}, "marketer")
    for asset in (expired, retired):
        body = {"deal_id": str(new_id())}
        answer = await library.post(f"/v1/content/{asset}/shares", body, "rep")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_only_who_carries_records_over_shares_in_anothers_name(library):
    asset, person = await library.asset(), str(new_id())
    body = {"deal_id": str(new_id()), "shared_by": person}
    assert (await library.post(f"/v1/content/{asset}/shares", body, "rep")).status_code == 403
    answer = await library.post(f"/v1/content/{asset}/shares", body, "admin")
    assert answer.json()["shared_by"] == person


async def listed(library, asset: str, **params) -> dict:
    answer = await library.get(f"/v1/content/{asset}/shares", **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_shares_are_listed_newest_first_with_what_buyers_read_and_without_tokens(library):
    asset, other = await library.asset(), await library.asset()
    first = await library.shared(asset)
    library.clock.at += timedelta(minutes=1)
    second = await library.shared(asset)
    await library.shared(other)
    for ms, internal in ((4_000, False), (6_000, False), (1_000, False), (9_000, True)):
        body = {
            "view_id": str(new_id()),
            "share_id": first["id"],
            "pages": [{"page": 1, "duration_ms": ms}],
            "internal": internal,
        }
        answer = await library.post(f"/v1/content/{asset}/views", body, "integration")
        assert answer.status_code == 201
    page = await listed(library, asset, limit=1)
    assert [share["id"] for share in page["items"]] == [second["id"]]
    rest = (await listed(library, asset, limit=1, cursor=page["next_cursor"]))["items"]
    assert [share["id"] for share in rest] == [first["id"]]
    assert (page["items"][0]["views"], page["items"][0]["last_viewed_at"]) == (0, None)
    assert (rest[0]["views"], rest[0]["duration_ms"]) == (2, 10_000)
    assert rest[0]["last_viewed_at"] == "2026-03-01T12:01:00Z"
    assert "token" not in rest[0]


async def test_a_link_whose_time_would_be_over_at_once_is_refused(library):
    asset = await library.asset()
    body = {"deal_id": str(new_id()), "expires_at": "2026-03-01T12:00:00Z"}
    answer = await library.post(f"/v1/content/{asset}/shares", body, "rep")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/expires_at"


async def test_a_withdrawn_link_is_withdrawn_once_with_who_did_it(library):
    asset = await library.asset()
    share = await library.shared(asset)
    assert [await library.revoke(asset, share["id"]) for _ in range(2)] == [204, 204]
    [row] = await library.owner.fetch("SELECT revoked_by FROM share")
    assert row["revoked_by"] == "key:manager:None"
    [shown] = (await listed(library, asset))["items"]
    assert shown["revoked_at"] == "2026-03-01T12:00:00Z"
    rows = await library.owner.fetch("SELECT 1 FROM audit WHERE action = 'revoke'")
    assert len(rows) == 1


async def test_a_rep_withdraws_what_they_shared_themselves(library):
    asset, me = await library.asset(), new_id()
    mine = (
        await library.post(
            f"/v1/content/{asset}/shares", {"deal_id": str(new_id())}, "rep", person=me
        )
    ).json()["id"]
    theirs = (await library.shared(asset))["id"]
    assert await library.revoke(asset, theirs, "rep", person=me) == 404
    assert await library.revoke(asset, theirs, "rep") == 404
    assert await library.revoke(asset, mine, "rep", person=me) == 204


async def test_a_rep_sees_what_they_shared_themselves(library):
    asset, me = await library.asset(), new_id()
    for person in (me, new_id()):
        body = {"deal_id": str(new_id())}
        await library.post(f"/v1/content/{asset}/shares", body, "rep", person=person)
    for person, seen in ((me, [str(me)]), (None, [])):
        async with library.client("rep", person=person) as client:
            found = (await client.get(f"/v1/content/{asset}/shares")).json()["items"]
        assert [share["shared_by"] for share in found] == seen
    assert len((await listed(library, asset))["items"]) == 2


async def test_a_share_is_withdrawn_where_it_is_and_by_its_own_tenant(library):
    asset, other = await library.asset(), await library.asset()
    share = (await library.shared(asset))["id"]
    assert await library.revoke(other, share) == 404
    assert await library.revoke(asset, str(new_id())) == 404
    assert await library.revoke(asset, share, tenant=new_id()) == 404
    assert (await listed(library, asset))["items"][0]["revoked_at"] is None
