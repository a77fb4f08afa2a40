"""Links as browsers use them: a view that is opened, beats that are added up, and who does not count."""

import asyncio
from datetime import timedelta

import pytest

from content_service.domain.share_token import SECRET_BYTES, token_of
from onefunnel.http.principal import HEADER, Principal, sign_principal
from onefunnel.ids import new_id

SCANNER = "ab" * 32


@pytest.fixture
def opening(library):
    """Return a function that opens a view by a token and returns the answer."""

    async def begin(token: str, headers: dict | None = None, **fields):
        async with library.browser(**(headers or {})) as browser:
            return await browser.post(f"/v1/t/{token}/views", json=fields)

    return begin


@pytest.fixture
def beating(library):
    """Return a function that sends one beat, by default once its time has passed."""

    async def beat(
        token: str, view: str, seq: int, ms: int, page: int = 1, *, at_once=False, **more
    ):
        if not at_once:
            library.clock.at += timedelta(milliseconds=ms)
        body = {"view_id": view, "seq": seq, "page": page, "active_ms": ms, **more}
        async with library.browser() as browser:
            return await browser.post(f"/v1/t/{token}/pages", json=body)

    return beat


async def link(library, **fields) -> tuple[str, str]:
    """Return an asset of four pages and the token of a share of it."""
    asset = await library.asset(pages=4)
    return asset, (await library.shared(asset, **({"deal_id": str(new_id())} | fields)))["token"]


async def viewed(library) -> list:
    return [event for e, event in await library.published() if "viewed" in e.type]


async def test_a_browser_needs_nothing_but_the_token(library, opening, beating):
    lead = new_id()
    asset = await library.asset(pages=4)
    share = await library.shared(asset, lead_id=str(lead))
    opened = await opening(share["token"])
    assert (opened.status_code, opened.json()["version"]) == (201, 1)
    library.wakes.clear()
    answer = await beating(share["token"], opened.json()["view_id"], 1, 3_000)
    assert (answer.status_code, answer.content) == (204, b"")
    assert library.wakes
    envelope, event = (await library.published())[-1]
    assert (event.lead_id, event.viewer_id, str(event.share_id)) == (lead, lead, share["id"])
    assert [(page.page, page.duration_ms) for page in event.pages] == [(1, 3_000)]
    assert (envelope.actorid, envelope.tenantid) == ("system:share", library.tenant)
    assert (await library.performance(asset))["views"] == 1


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 3, 2, 1), (2, 2, 4, 1, 3, 3, 1)], ids=str)
async def test_beats_are_added_up_once_in_any_order(library, opening, beating, order):
    asset, token = await link(library)
    view = (await opening(token)).json()["view_id"]
    library.clock.at += timedelta(seconds=18)
    told = {1: (1, 4_000), 2: (2, 10_000), 3: (1, 3_000), 4: (3, 1_000)}
    for seq in order:
        page, ms = told[seq]
        assert (await beating(token, view, seq, ms, page, at_once=True)).status_code == 204
    found = await library.performance(asset)
    assert (found["views"], found["average_time_ms"]["numerator"]) == (1, 18_000)
    by_page = {page["page"]: page["average_ms"]["numerator"] for page in found["pages"]}
    assert by_page == {1: 7_000, 2: 10_000, 3: 1_000}
    assert found["completion"]["numerator"] == 3
    assert [event.bot for event in await viewed(library)] == [True, False]


async def test_beats_that_come_at_once_are_all_added_up(library, opening, beating):
    asset, token = await link(library)
    view = (await opening(token)).json()["view_id"]
    library.clock.at += timedelta(seconds=12)
    seqs = [1, 2, 3, 4, 4, 3, 2, 1]
    sent = (beating(token, view, seq, 3_000, page=seq, at_once=True) for seq in seqs)
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {204}
    assert (await library.performance(asset))["average_time_ms"]["numerator"] == 12_000
    assert len(await viewed(library)) == 2


async def test_nobody_reads_for_longer_than_the_view_is_open(library, opening, beating):
    asset, token = await link(library)
    view = (await opening(token)).json()["view_id"]
    library.clock.at += timedelta(seconds=5)
    await beating(token, view, 1, 3_600_000, at_once=True)
    assert (await library.performance(asset))["average_time_ms"]["numerator"] == 7_000


async def test_what_was_in_sight_bounds_what_was_read(library, opening, beating):
    asset, token = await link(library)
    view = (await opening(token)).json()["view_id"]
    more = {"visible_ms": 4_000, "sent_at": "2026-03-01T12:00:10Z"}
    assert (await beating(token, view, 1, 10_000, **more)).status_code == 204
    assert (await library.performance(asset))["average_time_ms"]["numerator"] == 4_000


async def test_an_opening_that_is_repeated_is_one_view(library, opening):
    _, token = await link(library)
    view = str(new_id())
    answers = [await opening(token, view_id=view) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert {answer.json()["view_id"] for answer in answers} == {view}
    assert len(await viewed(library)) == 1


async def test_a_view_belongs_to_its_link(library, opening, beating):
    asset = await library.asset(pages=4)
    one, other = [(await library.shared(asset))["token"] for _ in range(2)]
    view = (await opening(one)).json()["view_id"]
    assert (await opening(other, view_id=view)).status_code == 409
    assert (await beating(other, view, 1, 5_000)).status_code == 404
    assert (await beating(one, str(new_id()), 1, 5_000)).status_code == 404
    assert (await beating(one, view, 1, 5_000)).status_code == 204


async def test_a_page_that_is_being_closed_sends_text(library, opening):
    asset, token = await link(library)
    view = (await opening(token)).json()["view_id"]
    library.clock.at += timedelta(seconds=9)
    beat = f'{{"view_id":"{view}","seq":1,"page":2,"active_ms":9000}}'
    async with library.browser(**{"Content-Type": "text/plain;charset=UTF-8"}) as browser:
        answer = await browser.post(f"/v1/t/{token}/pages", content=beat)
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert (await library.performance(asset))["views"] == 1


async def test_a_token_that_was_never_given_is_not_found(library, opening):
    asset = await library.asset()
    share = await library.shared(asset)
    forged = token_of(library.tenant, bytes(SECRET_BYTES))
    elsewhere = token_of(new_id(), bytes(SECRET_BYTES))
    for token in (forged, elsewhere, share["token"][:-4] + "AAAB", "x" * 56, "short"):
        assert (await opening(token)).status_code == 404, token
        async with library.browser() as browser:
            assert (await browser.get(f"/v1/t/{token}")).status_code == 404
    assert len(await library.outbox()) == 2


async def test_a_browser_without_a_token_may_nothing_else(library):
    asset = await library.asset()
    async with library.browser() as browser:
        assert (await browser.get("/v1/content")).status_code == 401
        answer = await browser.post(f"/v1/content/{asset}/views", json={"view_id": str(new_id())})
        assert answer.status_code == 401


async def test_a_link_to_an_earlier_version_works_with_a_warning(library, opening, beating):
    asset = await library.asset("Guide", pages=2)
    token = (await library.shared(asset))["token"]
    async with library.browser() as browser:
        assert (await browser.get(f"/v1/t/{token}")).json()["warning"] is None
        await library.post(f"/v1/content/{asset}/versions", {"pages": 5}, "marketer")
        opened = (await browser.get(f"/v1/t/{token}")).json()
    assert (opened["version"], opened["newest_version"], opened["pages"]) == (1, 2, 2)
    assert opened["warning"] == "outdated-version"
    begun = (await opening(token)).json()
    assert (begun["version"], begun["warning"]) == (1, "outdated-version")
    assert (await beating(token, begun["view_id"], 1, 2_500, page=3)).status_code == 422
    assert (await beating(token, begun["view_id"], 1, 2_500, page=2)).status_code == 204


@pytest.mark.parametrize("over", ["revoked", "expired"])
async def test_a_link_that_is_over_opens_nothing_and_takes_nothing(library, opening, beating, over):
    asset = await library.asset(pages=4)
    share = await library.shared(asset, deal_id=str(new_id()), expires_at="2026-03-01T13:00:00Z")
    token = share["token"]
    view = (await opening(token)).json()["view_id"]
    if over == "revoked":
        assert await library.revoke(asset, share["id"]) == 204
    else:
        library.clock.at += timedelta(hours=1)
    async with library.browser() as browser:
        answers = [await browser.get(f"/v1/t/{token}")]
    answers += [await opening(token), await beating(token, view, 1, 5_000)]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert (await library.performance(asset))["views"] == 0
    assert len(await viewed(library)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "curl/8.5.0"},
        {"User-Agent": ""},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
    ],
    ids=str,
)
async def test_machines_are_answered_like_anybody_and_counted_as_what_they_are(
    library, opening, beating, headers
):
    asset, token = await link(library)
    answer = await opening(token, headers)
    assert answer.status_code == 201
    assert (await beating(token, answer.json()["view_id"], 1, 60_000)).status_code == 204
    found = await library.performance(asset)
    assert (found["views"], found["bots"]) == (0, 1)
    assert [event.bot for event in await viewed(library)] == [True]


async def test_looking_at_a_link_is_no_view(library):
    asset, token = await link(library)
    async with library.browser() as browser:
        assert (await browser.get(f"/v1/t/{token}")).status_code == 200
    found = await library.performance(asset)
    assert (found["views"], found["bots"]) == (0, 0)


async def test_who_opens_many_links_at_once_is_a_machine(library, opening, beating):
    scanner, person = {"Onefunnel-Client": SCANNER}, {"Onefunnel-Client": "cd" * 32}
    links = [await link(library) for _ in range(3)]
    views = [(await opening(token, scanner)).json()["view_id"] for _, token in links]
    twice = [(await opening(links[0][1], person)).json()["view_id"] for _ in range(3)]
    for view, (_, token) in zip(views, links, strict=True):
        await beating(token, view, 1, 9_000)
    await beating(links[0][1], twice[0], 1, 9_000)
    found = [await library.performance(asset) for asset, _ in links]
    assert [(one["views"], one["bots"]) for one in found] == [(1, 3), (0, 1), (0, 1)]


async def test_who_opens_many_links_in_the_same_moment_is_a_machine(library, opening):
    asset = await library.asset()
    tokens = [(await library.shared(asset))["token"] for _ in range(5)]
    await asyncio.gather(*(opening(token, {"Onefunnel-Client": SCANNER}) for token in tokens))
    rows = await library.owner.fetch("SELECT machine FROM viewing")
    assert [row["machine"] for row in rows] == [True] * 5


async def test_links_that_are_opened_one_after_the_other_are_read(library, opening, beating):
    links = [await link(library) for _ in range(3)]
    for _, token in links:
        view = (await opening(token, {"Onefunnel-Client": SCANNER})).json()["view_id"]
        await beating(token, view, 1, 9_000)
    assert [(await library.performance(asset))["views"] for asset, _ in links] == [1, 1, 1]


async def test_colleagues_who_are_signed_in_do_not_count(library, opening, beating):
    asset, token = await link(library)

    def signed(tenant) -> dict[str, str]:
        who = Principal(tenant, "key:colleague", "rep")
        return {HEADER: sign_principal(who, b"a key of these tests", library.clock.now())}

    for headers in (signed(library.tenant), signed(new_id())):
        view = (await opening(token, headers)).json()["view_id"]
        await beating(token, view, 1, 9_000)
    found = await library.performance(asset)
    assert (found["views"], found["internal"], found["bots"]) == (1, 1, 0)
    assert [event.bot for event in await viewed(library)] == [True, False]


async def owning(library, *domains: str, role: str = "admin"):
    async with library.client(role) as client:
        return await client.put("/v1/content/own-domains", json={"domains": list(domains)})


async def test_who_types_an_address_of_ours_does_not_count_and_no_address_is_kept(
    library, opening, beating
):
    assert (await owning(library, "old.example")).status_code == 200
    answer = await owning(library, "ours.example", "also.example", "ours.example")
    assert answer.json() == {"domains": ["also.example", "ours.example"]}
    shown = await library.get("/v1/content/own-domains", "rep")
    assert shown.json() == answer.json()
    asset, token = await link(library)
    for email in ("Rae@Ours.example", "ada@old.example", "ADA@old.example"):
        view = (await opening(token, email=email)).json()["view_id"]
        await beating(token, view, 1, 9_000)
    found = await library.performance(asset)
    assert (found["views"], found["viewers"], found["internal"]) == (2, 1, 1)
    kept = str(await library.owner.fetch("SELECT * FROM viewing")) + str(await library.outbox())
    assert "example" not in kept.lower()


@pytest.mark.parametrize("domain", ["@ours.example", "Ours.example", "ours", "a b.example", ""])
async def test_what_is_no_domain_is_refused(library, domain):
    answer = await owning(library, domain)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/domains/0"


@pytest.mark.parametrize(
    ("headers", "fields"), [({"DNT": "1"}, {}), ({"Sec-GPC": "1"}, {}), ({}, {"anonymous": True})]
)
async def test_who_does_not_want_to_be_followed_counts_and_is_nobody(
    library, opening, beating, headers, fields
):
    asset, token = await link(library, deal_id=None, lead_id=str(new_id()))
    visitor = {"visitor_id": str(new_id()), "email": "ada@example.org"}
    for _ in range(2):
        view = (await opening(token, headers, **visitor, **fields)).json()["view_id"]
        await beating(token, view, 1, 9_000)
    found = await library.performance(asset)
    assert (found["views"], found["viewers"]) == (2, 2)
    [share] = (await library.get(f"/v1/content/{asset}/shares")).json()["items"]
    assert (share["views"], share["last_viewed_at"]) == (0, None)
    for event in await viewed(library):
        assert (event.viewer_id, event.lead_id, event.share_id) == (event.view_id, None, None)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"seq": 0}, "/seq"),
        ({"seq": 10_001}, "/seq"),
        ({"page": 5}, "/page"),
        ({"page": 0}, "/page"),
        ({"active_ms": -1}, "/active_ms"),
        ({"active_ms": 86_400_001}, "/active_ms"),
        ({"active_ms": 1.5}, "/active_ms"),
        ({"view_id": "one"}, "/view_id"),
        ({"sent_at": "now"}, "/sent_at"),
        ({"ip": "10.0.0.1"}, "/ip"),
    ],
)
async def test_a_beat_that_cannot_be_is_refused_and_changes_nothing(
    library, opening, beating, fields, pointer
):
    asset, token = await link(library)
    view = (await opening(token)).json()["view_id"]
    library.clock.at += timedelta(seconds=9)
    body = {"view_id": view, "seq": 1, "page": 1, "active_ms": 9_000}
    async with library.browser() as browser:
        answer = await browser.post(f"/v1/t/{token}/pages", json=body | fields)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await beating(token, view, 1, 9_000, at_once=True)).status_code == 204
    assert (await library.performance(asset))["average_time_ms"]["numerator"] == 9_000


async def test_what_is_told_of_a_view_is_short(library, opening):
    _, token = await link(library)
    async with library.browser() as browser:
        for path in ("views", "pages"):
            answer = await browser.post(
                f"/v1/t/{token}/{path}",
                content=b" " * 2_049,
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 413
