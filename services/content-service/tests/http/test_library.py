"""The library over HTTP: found while in use, in versions, never by another tenant."""

from datetime import timedelta

import pytest

from onefunnel.ids import new_id


def day(library, days: int) -> str:
    return (library.clock.at + timedelta(days=days)).date().isoformat()


async def titles(library, **params) -> list[str]:
    answer = await library.get("/v1/content", **params)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


async def test_what_is_published_is_found_and_announced_without_its_words(library):
    owner = new_id()
    asset = await library.asset(
        "Price guide CANARY", summary="CANARY", body="CANARY", stage="proposal", pages=3,
        owner_id=str(owner), segment="smb", expires_on=day(library, 30),
    )  # fmt: skip
    [(envelope, event)] = await library.published()
    assert (str(event.asset_id), event.version, event.kind) == (asset, 1, "guide")
    assert (event.owner_id, event.stage, event.segment) == (owner, "proposal", "smb")
    assert envelope.sequence == "1"
    assert library.wakes
    assert not any(b"CANARY" in record for record in await library.outbox())


async def test_an_asset_belongs_to_who_publishes_it_unless_somebody_is_named(library):
    person = new_id()
    answer = await library.post(
        "/v1/content", {"title": "A", "kind": "deck"}, "marketer", person=person
    )
    assert answer.json()["owner_id"] == str(person)


async def test_expired_and_retired_assets_are_not_returned_unless_asked_for(library):
    await library.asset("In use", expires_on=day(library, 1))
    await library.asset("Expired", expires_on=day(library, 0))
    await library.asset("Long expired", expires_on=day(library, -20))
    retired = await library.asset("Retired")
    answer = await library.post(f"/v1/content/{retired}/retire", {}, "marketer")
    assert answer.json()["status"] == "retired"
    assert await titles(library) == ["In use"]
    assert await titles(library, q="expired") == []
    assert set(await titles(library, status="expired")) == {"Expired", "Long expired"}
    assert await titles(library, status="retired") == ["Retired"]
    assert len(await titles(library, status="all")) == 4
    library.clock.at += timedelta(days=1)
    assert await titles(library) == []


async def test_the_best_match_comes_first_and_words_are_matched_by_their_stem(library):
    await library.asset("Legal questions", body="Who pays? The pricing is in the guide.")
    await library.asset("Prices and discounts", summary="All prices.")
    await library.asset("Introduction deck")
    assert await titles(library, q="price") == ["Prices and discounts", "Legal questions"]
    assert await titles(library, q="pricing guide") == ["Legal questions"]
    assert await titles(library, q='"introduction deck" -price') == ["Introduction deck"]


@pytest.mark.parametrize("words", ["' OR 1=1--", "%", "_", "a & | ! ( :*", '"', "\\", "<->"])
async def test_a_search_takes_any_words_literally(library, words):
    await library.asset("Introduction deck")
    assert await titles(library, q=words) == []


@pytest.mark.parametrize("query", ["q=", "q=%20%20", "q=" + "x" * 201, "colour=red", "status=lost"])
async def test_a_search_that_makes_no_sense_is_refused_and_not_logged(library, query):
    async with library.client() as client:
        assert (await client.get(f"/v1/content?{query}")).status_code == 422
    assert await library.outbox() == []


async def test_filters_narrow_the_library(library):
    await library.asset("A", stage="proposal", segment="smb")
    await library.asset("B", stage="discovery", kind="deck")
    assert await titles(library, stage="proposal") == ["A"]
    assert await titles(library, kind="deck") == ["B"]
    assert await titles(library, segment="enterprise") == []


async def test_a_list_is_paged_and_says_how_many_there_are(library):
    for n in range(5):
        library.clock.at += timedelta(minutes=1)
        await library.asset(f"Guide {n}", body="guide " * (n + 1))
    for params in ({}, {"q": "guide"}):
        found, cursor = [], None
        for _ in range(3):
            answer = await library.get(
                "/v1/content", limit=2, **params, **({"cursor": cursor} if cursor else {})
            )
            found += [item["title"] for item in answer.json()["items"]]
            cursor = answer.json()["next_cursor"]
            assert answer.json()["total"] == 5
        assert sorted(found) == [f"Guide {n}" for n in range(5)]
        assert cursor is None


async def test_a_version_replaces_the_one_before_in_searches_and_both_are_kept(library):
    asset = await library.asset("Price guide", body="old wording", pages=2)
    body = {"body": "new phrases", "pages": 3}
    answer = await library.post(f"/v1/content/{asset}/versions", body, "marketer")
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    assert await titles(library, q="wording") == []
    assert await titles(library, q="phrase") == ["Price guide"]
    versions = (await library.get(f"/v1/content/{asset}/versions")).json()["items"]
    assert [(v["version"], v["body"], v["pages"]) for v in versions] == [
        (2, "new phrases", 3), (1, "old wording", 2),
    ]  # fmt: skip
    assert [e.sequence for e, _ in await library.published() if e.aggregatetype == "asset"] == [
        "1",
        "2",
    ]


async def test_an_asset_shows_its_text_and_its_etag(library):
    asset = await library.asset("Price guide", body="words")
    answer = await library.get(f"/v1/content/{asset}")
    assert (answer.json()["body"], answer.headers["ETag"]) == ("words", '"1"')
    async with library.client() as client:
        again = await client.get(f"/v1/content/{asset}", headers={"If-None-Match": '"1"'})
    assert again.status_code == 304


async def test_an_asset_from_outside_has_one_id_for_ever(library):
    body = {"title": "A", "kind": "deck", "external": {"source": "demo", "id": "deck-1"}}
    first, again = [await library.post("/v1/content", body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 409)
    assert len(await library.outbox()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", None),
        ("kind", "a\nb"),
        ("pages", 0),
        ("pages", 1.5),
        ("pages", True),
        ("stage", "No Such Stage"),
        ("expires_on", "2026-02-30"),
        ("expires_on", "tomorrow"),
        ("published_at", "2026-04-01T00:00:00Z"),
        ("colour", "red"),
        ("body", "x" * 100_001),
    ],
)
async def test_an_asset_with_a_mistake_is_refused_with_the_place(library, field, value):
    answer = await library.post("/v1/content", {"title": "A", "kind": "guide", field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"
    assert await library.outbox() == []


async def test_a_long_text_of_many_words_can_be_published(library):
    words = " ".join(f"w{n:x}ü" for n in range(14_000))[:100_000]
    await library.asset("Long", body=words)
    assert await titles(library, q="w1fü") == ["Long"]


async def test_searches_that_found_nothing_are_ranked_by_how_often(library):
    await library.asset("Price guide")
    for words in ("battle card", "Battle  CARD ", "case study", "price"):
        await library.get("/v1/content", q=words)
    empty = (await library.get("/v1/content/searches", empty="true")).json()["items"]
    assert [(s["words"], s["count"]) for s in empty] == [("battle card", 2), ("case study", 1)]
    everything = (await library.get("/v1/content/searches")).json()["items"]
    assert everything[0]["words"] == "battle card"
    assert {s["words"] for s in everything} == {"battle card", "case study", "price"}


async def test_the_log_of_searches_is_paged(library):
    for words in ("one thing", "two things", "two things"):
        await library.get("/v1/content", q=words)
    first = (await library.get("/v1/content/searches", limit=1)).json()
    rest = await library.get("/v1/content/searches", limit=1, cursor=first["next_cursor"])
    assert [s["words"] for s in first["items"]] == ["two things"]
    assert [s["words"] for s in rest.json()["items"]] == ["one thing"]
    assert rest.json()["next_cursor"] is None


async def test_a_search_publishes_how_many_it_found_and_never_its_words(library):
    for n in range(3):
        await library.asset(f"Price guide {n}")
    await library.get("/v1/content", q="price guide", limit=2)
    await library.get("/v1/content", q="CANARY")
    found = [event for e, event in await library.published() if "searched" in e.type]
    assert [event.results for event in found] == [3, 0]
    assert all(e.sequence is None for e, _ in await library.published() if "searched" in e.type)
    assert not any(b"CANARY" in r or b"canary" in r for r in await library.outbox())


async def test_the_second_page_of_a_search_is_the_same_search(library):
    for n in range(3):
        await library.asset(f"Price guide {n}")
    first = await library.get("/v1/content", q="price", limit=2)
    await library.get("/v1/content", q="price", limit=2, cursor=first.json()["next_cursor"])
    assert (await library.types()).count("content.searched") == 1


async def test_verdicts_are_whole_numbers_from_1_to_5_and_the_newest_of_each_person_counts(library):
    asset, anna = await library.asset(), new_id()
    path = f"/v1/content/{asset}/ratings"
    for score in (0, 6, 3.5, "3", None):
        assert (await library.post(path, {"score": score}, "rep")).status_code == 422
    for person, score in ((anna, 1), (anna, 4), (new_id(), 3)):
        body = {"score": score, "reason": "CANARY"}
        assert (await library.post(path, body, "rep", person=person)).status_code == 201
    rating = (await library.get(f"/v1/content/{asset}/performance")).json()["rating"]
    assert (rating["value"], rating["numerator"], rating["n"]) == ("3.500000", 7, 2)
    assert not any(b"CANARY" in record for record in await library.outbox())


async def test_titles_are_given_for_ids(library):
    asset, other = await library.asset("Price guide"), str(new_id())
    answer = await library.post("/internal/names", {"asset": [asset, other], "lead": [other]})
    assert answer.json() == {"names": {asset: "Price guide"}}
    assert (await library.get("/internal/status")).json()["outbox"]["depth"] == 1


async def test_a_repeated_request_with_its_key_publishes_once(library):
    async with library.client() as client:
        answers = [
            await client.post(
                "/v1/content", json={"title": "A", "kind": "deck"}, headers={"Idempotency-Key": "k"}
            )
            for _ in range(2)
        ]
    assert answers[0].json() == answers[1].json()
    assert len(await library.outbox()) == 1


async def test_another_tenant_finds_reads_and_changes_nothing(library):
    asset = await library.asset("Price guide")
    share = await library.shared(asset)
    await library.get("/v1/content", q="nothing")
    before = len(await library.outbox())
    async with library.client(tenant=new_id()) as stranger:
        listed = (await stranger.get("/v1/content", params={"status": "all"})).json()
        assert (listed["items"], listed["total"]) == ([], 0)
        assert (await stranger.get("/v1/content/searches")).json()["items"] == []
        for path in ("", "/versions", "/performance"):
            assert (await stranger.get(f"/v1/content/{asset}{path}")).status_code == 404
        for path, body in (
            ("versions", {}),
            ("retire", {}),
            ("shares", {"deal_id": str(new_id())}),
            ("ratings", {"score": 3}),
            ("views", {"view_id": str(new_id()), "share_id": share["id"]}),
        ):
            answer = await stranger.post(f"/v1/content/{asset}/{path}", json=body)
            assert answer.status_code == 404, path
        names = await stranger.post("/internal/names", json={"asset": [asset]})
        assert names.json() == {"names": {}}
    assert len(await library.outbox()) == before
