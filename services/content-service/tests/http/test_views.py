"""Views as servers report them: counted like Papermark counts, machines and own people left out."""

from datetime import timedelta

import pytest

from onefunnel.ids import new_id


def pages(**durations: int) -> list[dict]:
    """`pages(p1=3000)`: three seconds on page 1."""
    return [{"page": int(p[1:]), "duration_ms": ms} for p, ms in durations.items()]


async def report(library, asset: str, **fields):
    body = {"view_id": str(new_id()), **fields}
    return await library.post(f"/v1/content/{asset}/views", body, "integration")


async def test_average_time_completion_and_viewers_are_counted_over_views_by_people(library):
    asset, anna = await library.asset(pages=4), str(new_id())
    await report(library, asset, lead_id=anna, pages=pages(p1=1_000, p2=3_000))
    await report(library, asset, lead_id=anna, pages=pages(p1=6_000))
    await report(library, asset, visitor_id=str(new_id()), pages=pages(p1=500, p2=500, p3=1_000))
    await report(library, asset, pages=pages(p1=1_999))
    await report(library, asset, pages=pages(p1=90_000), user_agent="Googlebot/2.1")
    found = await library.performance(asset)
    assert (found["views"], found["viewers"], found["bots"]) == (3, 2, 2)
    # (4 s + 6 s + 2 s) / 3 views
    assert found["average_time_ms"]["value"] == "4000.000000"
    # (2 + 1 + 3 pages) of (4 + 4 + 4)
    assert (found["completion"]["value"], found["completion"]["numerator"]) == ("0.500000", 6)
    by_page = {p["page"]: (p["views"], p["average_ms"]["numerator"]) for p in found["pages"]}
    assert by_page == {1: (3, 7_500), 2: (2, 3_500), 3: (1, 1_000)}


async def test_running_totals_that_come_again_are_one_view(library):
    asset, view = await library.asset(pages=3), str(new_id())
    told = [pages(p1=1_000), pages(p1=4_000), pages(p1=4_000), pages(p1=2_000, p2=1_000)]
    answers = [await report(library, asset, view_id=view, pages=one) for one in told]
    assert [a.status_code for a in answers] == [201, 200, 200, 200]
    assert [a.json()["duration_ms"] for a in answers] == [1_000, 4_000, 4_000, 5_000]
    viewed = [event for e, event in await library.published() if "viewed" in e.type]
    assert [event.bot for event in viewed] == [True, False]
    assert (await library.performance(asset))["views"] == 1


async def test_views_by_own_people_are_kept_apart_and_published_to_nobody(library):
    asset = await library.asset()
    answer = await report(library, asset, pages=pages(p1=60_000), internal=True)
    assert answer.json()["counted"] is False
    found = await library.performance(asset)
    assert (found["views"], found["viewers"], found["bots"], found["internal"]) == (0, 0, 0, 1)
    assert found["pages"] == []
    assert await library.types() == ["content.published"]


async def test_without_views_there_is_no_average(library):
    found = await library.performance(await library.asset())
    assert (found["views"], found["completion"]["value"]) == (0, None)
    assert found["completion"]["reason"] == "zero-denominator"


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


async def reading(library, **params) -> dict:
    answer = await library.get("/v1/content/views", "rep", **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def looked_at(library, asset: str, ms: int, *, days_ago: int = 0, **fields) -> None:
    at = (library.clock.at - timedelta(days=days_ago)).isoformat()
    assert (
        await report(library, asset, pages=pages(p1=ms), viewed_at=at, **fields)
    ).status_code == 201


async def test_what_buyers_read_most_comes_first(library):
    little, much, unread = [await library.asset() for _ in range(3)]
    lead = str(new_id())
    await looked_at(library, little, 50_000)
    await looked_at(library, much, 3_000, lead_id=lead)
    await looked_at(library, much, 4_000, lead_id=lead)
    await looked_at(library, much, 9_000, days_ago=90)
    for one in ({"internal": True}, {"user_agent": "Googlebot/2.1"}):
        await looked_at(library, unread, 60_000, **one)
    found = await reading(library)
    assert [tuple(group.values()) for group in found["groups"]] == [
        (much, 2, 1, 7_000),
        (little, 1, 1, 50_000),
    ]
    assert found["names"] == {much: "Price guide", little: "Price guide"}
    assert (found["from"], found["to"]) == ("2025-12-02", "2026-03-02")


async def test_what_buyers_read_of_an_asset_day_by_day(library):
    asset, other = await library.asset(), await library.asset()
    for days_ago in (0, 2, 2, 3):
        await looked_at(library, asset, 2_000, days_ago=days_ago)
    await looked_at(library, other, 2_000)
    days = {"from": "2026-02-27", "to": "2026-03-02"}
    found = await reading(library, group_by="day", asset_id=asset, **days)
    assert [(group["key"], group["views"]) for group in found["groups"]] == [
        ("2026-02-27", 2),
        ("2026-03-01", 1),
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-03-02", "to": "2026-03-02"},
        {"from": "2025-01-01", "to": "2026-03-02"},
    ],
)
async def test_days_that_are_none_or_too_many_are_refused(library, params):
    answer = await library.get("/v1/content/views", **params)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/from")


async def test_reach_is_how_many_shares_buyers_looked_at(library):
    asset = await library.asset()
    shares = [await library.shared(asset) for _ in range(3)]
    await looked_at(library, asset, 5_000, share_id=shares[0]["id"])
    await looked_at(library, asset, 5_000, share_id=shares[0]["id"])
    await looked_at(library, asset, 5_000, share_id=shares[1]["id"], internal=True)
    found = (await library.performance(asset))["reach"]
    assert (found["numerator"], found["denominator"], found["value"]) == (1, 3, "0.333333")
