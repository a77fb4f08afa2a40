"""Pages by key: whole under inserts, and cursors that only fit the question they came from."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from onefunnel.http.pagination import CURSOR_AGE_S
from onefunnel.http.principal import Principal

from .conftest import ANNA, OTHER_TENANT, TENANT

BERT = Principal(TENANT, "key:bert", "rep")
STRANGER = Principal(OTHER_TENANT, "key:anna", "rep")


async def filled(client, count: int = 5) -> list[str]:
    made = [await client.post("/v1/things", json={"name": f"n{n}"}) for n in range(count)]
    return [answer.json()["id"] for answer in made]


async def cursor_of(client, question: str = "limit=2") -> str:
    return (await client.get(f"/v1/things?{question}")).json()["next_cursor"]


async def test_every_row_is_on_one_page_and_no_page_is_beyond_the_last(things, anna):
    ids = await filled(anna)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await anna.get("/v1/things", params=params)).json()
        found += [item["id"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert found == ids
    assert pages == 3


async def test_a_full_last_page_has_no_next(things, anna):
    await filled(anna, 4)
    page = (await anna.get("/v1/things?limit=4")).json()
    assert len(page["items"]) == 4
    assert page["next_cursor"] is None


async def test_rows_that_come_meanwhile_move_nothing(things, anna):
    ids = await filled(anna)
    cursor = await cursor_of(anna)
    later = await filled(anna, 2)
    page = (await anna.get(f"/v1/things?limit=200&cursor={cursor}")).json()
    assert [item["id"] for item in page["items"]] == ids[2:] + later


async def test_another_size_of_page_may_go_on(things, anna):
    await filled(anna)
    cursor = await cursor_of(anna)
    assert (await anna.get(f"/v1/things?limit=1&cursor={cursor}")).status_code == 200


async def refused(client, question: str) -> None:
    answer = await client.get(f"/v1/things?{question}")
    assert answer.status_code == 422, question
    assert answer.json()["code"] == "validation-failed"
    assert answer.json()["errors"][0]["pointer"] == "/cursor"


def forged(cursor: str) -> list[str]:
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    flipped = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(len(raw))]
    other = [raw[:-1], raw + b"]", raw[16:], b"", bytes(16) + raw[16:]]
    return [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in flipped + other]


async def test_a_forged_cursor_is_refused_wherever_it_was_touched(things, anna):
    await filled(anna)
    for text in forged(await cursor_of(anna)):
        await refused(anna, f"cursor={text}")


@pytest.mark.parametrize("more", ["=", "%2B", "!", ".", "%0A", "A"])
async def test_a_cursor_is_whole_or_none(things, anna, more):
    await filled(anna)
    cursor = await cursor_of(anna)
    for text in (cursor + more, more + cursor, f"{cursor[:9]}{more}{cursor[9:]}"):
        await refused(anna, f"limit=2&cursor={text}")


@pytest.mark.parametrize("text", ["x", "....", "%F0%9F%98%80", "-1", "A" * 1024, "0" * 2000])
async def test_what_was_never_a_cursor_is_refused(things, anna, text):
    await refused(anna, f"cursor={text}")


@pytest.mark.parametrize("other", [BERT, STRANGER])
async def test_a_cursor_of_another_caller_is_refused(things, anna, other):
    await filled(anna)
    cursor = await cursor_of(anna)
    async with things.client(other) as client:
        await refused(client, f"cursor={cursor}")


async def test_a_cursor_of_another_filter_is_refused(things, anna):
    for _ in range(3):
        await anna.post("/v1/things", json={"name": "same"})
    cursor = await cursor_of(anna, "limit=1&name=same")
    assert (await anna.get(f"/v1/things?cursor={cursor}&name=same&limit=1")).status_code == 200
    await refused(anna, f"limit=1&cursor={cursor}")
    await refused(anna, f"limit=1&cursor={cursor}&name=other")


async def test_an_old_cursor_is_refused(things, anna):
    await filled(anna)
    cursor = await cursor_of(anna)

    class Later:
        def __init__(self, seconds: int) -> None:
            self.seconds = seconds

        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(seconds=self.seconds)

    things.app.state.clock = Later(CURSOR_AGE_S - 60)
    assert (await anna.get(f"/v1/things?cursor={cursor}")).status_code == 200
    things.app.state.clock = Later(CURSOR_AGE_S + 60)
    await refused(anna, f"cursor={cursor}")


async def test_a_stranger_sees_no_rows(things, anna):
    ids = await filled(anna)
    async with things.client(STRANGER) as stranger:
        assert (await stranger.get("/v1/things")).json() == {"items": [], "next_cursor": None}
        assert (await stranger.get(f"/v1/things/{ids[0]}")).status_code == 404
    assert ANNA.tenant_id != STRANGER.tenant_id
