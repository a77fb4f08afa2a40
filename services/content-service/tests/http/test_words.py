"""What people said: sealed under a key of theirs, and gone when whose it is was erased."""

import pytest

from onefunnel.events.privacy import SubjectErased
from onefunnel.ids import new_id

CANARY = "Canary-71fe"


async def written(library) -> str:
    """Return every row of every table, as text."""
    names = await library.owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = [
        str(dict(row))
        for name in names
        for row in await library.owner.fetch(f"SELECT * FROM {name['relname']}")
    ]
    return "\n".join(rows)


async def erased(library, subject, **more) -> None:
    kind = "person" if not more else "lead"
    await library.hear(
        SubjectErased(subject_id=subject, kind=kind, erased_at=library.clock.at, **more)
    )


@pytest.fixture
def people():
    return {name: new_id() for name in ("author", "owner", "deal", "lead", "rater")}


@pytest.fixture
async def feedback(library, people) -> str:
    """Say something in every field that takes words; return the item of feedback."""
    body = {"kind": "missing", "text": f"{CANARY} item", "owner_id": str(people["owner"])}
    body["due_on"] = "2026-04-01"
    asset = await library.asset()
    async with library.client("rep", person=people["author"]) as rep:
        key = {"Idempotency-Key": "said"}
        item = (await rep.post("/v1/feedback", json=body, headers=key)).json()["id"]
        await rep.get("/v1/content", params={"q": f"{CANARY} search"})
    answer = {"text": f"{CANARY} answer", "changed": True}
    path = f"/v1/feedback/{item}/answer"
    assert (await library.post(path, answer, "marketer", person=people["owner"])).is_success
    winloss = {"deal_id": str(people["deal"]), "voice": "rep", "reasons": ["price"]}
    assert (await library.post("/v1/win-loss", {**winloss, "text": f"{CANARY} lost"})).is_success
    verdict = {"score": 2, "reason": f"{CANARY} verdict"}
    path = f"/v1/content/{asset}/ratings"
    assert (await library.post(path, verdict, "rep", person=people["rater"])).is_success
    return item


async def test_what_people_said_is_in_no_table_in_clear_and_is_read_as_it_was_said(
    library, feedback, people
):
    assert CANARY.lower() not in (await written(library)).lower()
    item = (await library.get(f"/v1/feedback/{feedback}")).json()
    assert (item["text"], item["answer"]["text"]) == (f"{CANARY} item", f"{CANARY} answer")
    (said,) = (await library.get("/v1/win-loss")).json()["items"]
    assert said["text"] == f"{CANARY} lost"
    (searched,) = (await library.get("/v1/content/searches")).json()["items"]
    assert searched["words"] == f"{CANARY.lower()} search"
    assert await library.owner.fetchval("SELECT count(*) FROM vault WHERE field ~ '^verdict'") == 1


async def test_the_words_of_an_author_who_was_erased_are_gone_and_their_count_stays(
    library, feedback, people
):
    await erased(library, people["author"])

    item = (await library.get(f"/v1/feedback/{feedback}")).json()
    assert (item["text"], item["kind"]) == ("(erased)", "missing")
    assert item["answer"]["text"] == f"{CANARY} answer"
    assert (await library.get("/v1/content/searches")).json()["items"] == []
    assert await library.owner.fetchval("SELECT count(*) FROM search") == 1
    kept = "SELECT count(*) FROM idempotency"
    assert await library.owner.fetchval(kept) == 0, "a stored answer repeats the words"
    fields = await library.owner.fetch(
        "SELECT field FROM vault WHERE subject_id = $1", people["author"]
    )
    assert fields == []


async def test_words_about_a_deal_go_with_the_lead_it_came_from(library, feedback, people):
    await erased(library, people["lead"], same=(new_id(),), deals=(people["deal"],))

    (said,) = (await library.get("/v1/win-loss")).json()["items"]
    assert (said["text"], said["reasons"]) == (None, ["price"])
    body = {"deal_id": str(people["deal"]), "voice": "buyer", "reasons": ["price"], "text": "new"}
    assert (await library.post("/v1/win-loss", body)).is_success, "the deal itself goes on"
    assert [one["text"] for one in (await library.get("/v1/win-loss")).json()["items"]] == [
        "new",
        None,
    ]


async def test_a_search_that_others_made_too_keeps_its_words(library, feedback, people):
    async with library.client("rep", person=new_id()) as other:
        await other.get("/v1/content", params={"q": f"{CANARY} search"})

    await erased(library, people["author"])

    (searched,) = (await library.get("/v1/content/searches")).json()["items"]
    assert (searched["words"], searched["count"]) == (f"{CANARY.lower()} search", 2)


async def test_who_was_erased_says_nothing_more(library, feedback, people):
    await erased(library, people["author"])

    body = {"kind": "missing", "text": CANARY, "owner_id": str(people["owner"])}
    answer = await library.post(
        "/v1/feedback", {**body, "due_on": "2026-04-01"}, "rep", person=people["author"]
    )

    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


async def test_an_erasure_in_another_tenant_and_a_second_time_changes_nothing(
    library, feedback, people
):
    stranger = SubjectErased(subject_id=people["author"], kind="person", erased_at=library.clock.at)
    await library.hear(stranger, tenant=new_id())
    assert (await library.get(f"/v1/feedback/{feedback}")).json()["text"] == f"{CANARY} item"
    for _ in range(2):
        await erased(library, people["author"])
    assert (await library.get(f"/v1/feedback/{feedback}")).json()["text"] == "(erased)"
