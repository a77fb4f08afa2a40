"""Shares and views over HTTP: by a key or by a token, counted like Papermark counts, machines left out."""

from datetime import timedelta

import pytest

from content_service.domain.share_token import SECRET_BYTES, token_of
from onefunnel.ids import new_id


def pages(**durations: int) -> list[dict]:
    """`pages(p1=3000)`: three seconds on page 1."""
    return [{"page": int(p[1:]), "duration_ms": ms} for p, ms in durations.items()]


async def report(library, asset: str, **fields):
    body = {"view_id": str(new_id()), **fields}
    return await library.post(f"/v1/content/{asset}/views", body, "integration")


async def browse(library, token: str, **fields):
    async with library.browser() as browser:
        return await browser.post(f"/v1/t/{token}/views", json={"view_id": str(new_id()), **fields})


async def performance(library, asset: str) -> dict:
    return (await library.get(f"/v1/content/{asset}/performance")).json()


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


async def test_a_browser_needs_nothing_but_the_token(library):
    asset, lead = await library.asset(pages=4), new_id()
    share = await library.shared(asset, lead_id=str(lead))
    answer = await browse(library, share["token"], pages=pages(p1=3_000))
    assert (answer.status_code, answer.json()["counted"]) == (201, True)
    envelope, event = (await library.published())[-1]
    assert (event.lead_id, event.viewer_id, str(event.share_id)) == (lead, lead, share["id"])
    assert (envelope.actorid, envelope.tenantid) == ("system:share", library.tenant)
    assert (await performance(library, asset))["views"] == 1


async def test_a_token_that_was_never_given_is_not_found(library):
    asset = await library.asset()
    share = await library.shared(asset)
    forged = token_of(library.tenant, bytes(SECRET_BYTES))
    elsewhere = token_of(new_id(), bytes(SECRET_BYTES))
    for token in (forged, elsewhere, share["token"][:-4] + "AAAB", "x" * 56, "short"):
        assert (await browse(library, token)).status_code == 404, token
        async with library.browser() as browser:
            assert (await browser.get(f"/v1/t/{token}")).status_code == 404
    assert len(await library.outbox()) == 2


async def test_a_browser_without_a_token_may_nothing_else(library):
    asset = await library.asset()
    async with library.browser() as browser:
        assert (await browser.get("/v1/content")).status_code == 401
        answer = await browser.post(f"/v1/content/{asset}/views", json={"view_id": str(new_id())})
        assert answer.status_code == 401


async def test_a_link_to_an_earlier_version_works_with_a_warning(library):
    asset = await library.asset("Guide", pages=2)
    token = (await library.shared(asset))["token"]
    async with library.browser() as browser:
        assert (await browser.get(f"/v1/t/{token}")).json()["warning"] is None
        await library.post(f"/v1/content/{asset}/versions", {"pages": 5}, "marketer")
        opened = (await browser.get(f"/v1/t/{token}")).json()
    assert (opened["version"], opened["newest_version"], opened["pages"]) == (1, 2, 2)
    assert opened["warning"] == "outdated-version"
    answer = await browse(library, token, pages=pages(p2=2_500))
    assert (answer.json()["version"], answer.json()["warning"]) == (1, "outdated-version")
    assert (await browse(library, token, pages=pages(p3=2_500))).status_code == 422


async def test_average_time_completion_and_viewers_are_counted_over_views_by_people(library):
    asset, anna = await library.asset(pages=4), str(new_id())
    await report(library, asset, lead_id=anna, pages=pages(p1=1_000, p2=3_000))
    await report(library, asset, lead_id=anna, pages=pages(p1=6_000))
    await report(library, asset, visitor_id=str(new_id()), pages=pages(p1=500, p2=500, p3=1_000))
    await report(library, asset, pages=pages(p1=1_999))
    await report(library, asset, pages=pages(p1=90_000), user_agent="Googlebot/2.1")
    found = await performance(library, asset)
    assert (found["views"], found["viewers"], found["bots"]) == (3, 2, 2)
    # (4 s + 6 s + 2 s) / 3 views
    assert found["average_time_ms"]["value"] == "4000.000000"
    # (2 + 1 + 3 pages) of (4 + 4 + 4)
    assert (found["completion"]["value"], found["completion"]["numerator"]) == ("0.500000", 6)
    by_page = {p["page"]: (p["views"], p["average_ms"]["numerator"]) for p in found["pages"]}
    assert by_page == {1: (3, 7_500), 2: (2, 3_500), 3: (1, 1_000)}


async def test_without_views_there_is_no_average(library):
    found = await performance(library, await library.asset())
    assert (found["views"], found["completion"]["value"]) == (0, None)
    assert found["completion"]["reason"] == "zero-denominator"


async def test_heartbeats_are_one_view_however_often_they_come(library):
    asset, view = await library.asset(pages=3), str(new_id())
    token = (await library.shared(asset))["token"]
    beats = [pages(p1=1_000), pages(p1=4_000), pages(p1=4_000), pages(p1=2_000, p2=1_000)]
    answers = [await browse(library, token, view_id=view, pages=beat) for beat in beats]
    assert [a.status_code for a in answers] == [201, 200, 200, 200]
    assert [a.json()["duration_ms"] for a in answers] == [1_000, 4_000, 4_000, 5_000]
    viewed = [event for e, event in await library.published() if "viewed" in e.type]
    assert [event.bot for event in viewed] == [True, False]
    assert (await performance(library, asset))["views"] == 1


async def test_a_view_id_of_another_share_is_a_conflict(library):
    asset, view = await library.asset(), str(new_id())
    tokens = [(await library.shared(asset))["token"] for _ in range(2)]
    assert (await browse(library, tokens[0], view_id=view)).status_code == 201
    assert (await browse(library, tokens[1], view_id=view)).status_code == 409


async def test_a_known_machine_is_recognised_by_its_user_agent(library):
    token = (await library.shared(await library.asset()))["token"]
    async with library.browser() as browser:
        body = {"view_id": str(new_id()), "pages": pages(p1=60_000)}
        answer = await browser.post(
            f"/v1/t/{token}/views", json=body, headers={"User-Agent": "curl/8.5.0"}
        )
    assert answer.json()["counted"] is False


async def test_a_server_reports_a_view_of_a_share_at_its_time(library):
    asset, lead = await library.asset(), new_id()
    share = await library.shared(asset, lead_id=str(lead))
    await library.post(f"/v1/content/{asset}/versions", {}, "marketer")
    at = (library.clock.at - timedelta(days=3)).isoformat()
    answer = await report(library, asset, share_id=share["id"], viewed_at=at, pages=pages(p1=9_000))
    assert (answer.status_code, answer.json()["version"]) == (201, 1)
    event = (await library.published())[-1][1]
    assert (event.lead_id, event.viewed_at.isoformat()) == (lead, at)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"pages": pages(p2=10)}, "/pages"),
        ({"pages": pages(p0=10)}, "/pages/0/page"),
        ({"pages": pages(p1=-1)}, "/pages/0/duration_ms"),
        ({"pages": pages(p1=86_400_001)}, "/pages/0/duration_ms"),
        ({"version": 2}, "/version"),
        ({"viewed_at": "2026-03-02T12:00:00Z"}, "/viewed_at"),
        ({"view_id": "one"}, "/view_id"),
    ],
)
async def test_a_view_that_cannot_be_is_refused_with_the_place(library, fields, pointer):
    asset = await library.asset(pages=1)
    answer = await report(library, asset, **fields)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await library.types() == ["content.published"]


async def test_a_share_of_another_asset_is_refused(library):
    share = await library.shared(await library.asset())
    answer = await report(library, await library.asset(), share_id=share["id"])
    assert answer.json()["errors"][0]["pointer"] == "/share_id"
