"""Feedback and win-loss over HTTP: owned, due, answered once; words stay here."""

from datetime import timedelta

import pytest

from onefunnel.ids import new_id


def item(library, due_in_days: int = 3, **fields) -> dict:
    due = (library.clock.at + timedelta(days=due_in_days)).date().isoformat()
    return {"kind": "missing", "text": "words", "owner_id": str(new_id()), "due_on": due} | fields


async def submitted(library, **fields) -> dict:
    answer = await library.post("/v1/feedback", item(library, **fields), "rep")
    assert answer.status_code == 201, answer.text
    return answer.json()


async def listed(library, **params) -> list[str]:
    answer = await library.get("/v1/feedback", **params)
    assert answer.status_code == 200, answer.text
    return [found["id"] for found in answer.json()["items"]]


async def answered(library, feedback: str, role="manager", **who):
    body = {"text": "CANARY answer", "changed": True}
    return await library.post(f"/v1/feedback/{feedback}/answer", body, role, **who)


async def test_feedback_has_an_owner_and_a_day_and_its_words_stay_here(library):
    asset, rep, owner = await library.asset(), new_id(), new_id()
    body = item(library, text="CANARY", owner_id=str(owner), asset_id=asset)
    answer = await library.post("/v1/feedback", body, "rep", person=rep)
    assert (answer.json()["status"], answer.json()["overdue"]) == ("open", False)
    event = (await library.published())[-1][1]
    assert (event.owner_id, event.submitted_by, str(event.asset_id)) == (owner, rep, asset)
    assert event.due_on.isoformat() == body["due_on"]
    await answered(library, answer.json()["id"])
    envelope, event = (await library.published())[-1]
    assert (event.changed, envelope.sequence) == (True, "2")
    assert not any(b"CANARY" in record for record in await library.outbox())


async def test_an_item_is_answered_once(library):
    feedback = (await submitted(library))["id"]
    first, again = [await answered(library, feedback) for _ in range(2)]
    assert first.json()["answer"]["text"] == "CANARY answer"
    assert (again.status_code, again.json()["code"]) == (409, "already-decided")
    shown = (await library.get(f"/v1/feedback/{feedback}")).json()
    assert (shown["status"], shown["answer"]["changed"]) == ("answered", True)


async def test_only_its_owner_answers_or_somebody_above(library):
    owner = new_id()
    feedback = (await submitted(library, owner_id=str(owner)))["id"]
    for role, person in (("rep", new_id()), ("marketer", new_id())):
        refused = await answered(library, feedback, role, person=person)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await answered(library, feedback, "marketer", person=owner)).status_code == 200


async def test_what_is_overdue_is_listed_until_it_is_answered(library):
    late = (await submitted(library, due_in_days=-1))["id"]
    today = (await submitted(library, due_in_days=0))["id"]
    later = (await submitted(library, due_in_days=5))["id"]
    assert await listed(library, overdue="true") == [late]
    assert await listed(library) == [late, today, later]
    library.clock.at += timedelta(days=1)
    assert await listed(library, overdue="true") == [late, today]
    await answered(library, late)
    assert await listed(library, overdue="true") == [today]
    assert await listed(library, status="answered") == [late]
    assert await listed(library, status="open") == [today, later]


async def test_feedback_is_listed_by_owner_and_by_asset_page_by_page(library):
    owner, asset = str(new_id()), await library.asset()
    mine = [(await submitted(library, owner_id=owner, due_in_days=n))["id"] for n in range(3)]
    about = (await submitted(library, asset_id=asset))["id"]
    assert await listed(library, owner_id=owner) == mine
    assert await listed(library, asset_id=asset) == [about]
    first = (await library.get("/v1/feedback", owner_id=owner, limit=2)).json()
    assert await listed(library, owner_id=owner, limit=2, cursor=first["next_cursor"]) == mine[2:]


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", ""), ("due_on", "soon"), ("owner_id", "anna"), ("kind", "x" * 65), ("kind", "a@b")],
)
async def test_feedback_with_a_mistake_is_refused_with_the_place(library, field, value):
    answer = await library.post("/v1/feedback", item(library, **{field: value}), "rep")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"


async def test_feedback_about_an_asset_that_is_not_there_is_not_found(library):
    answer = await library.post("/v1/feedback", item(library, asset_id=str(new_id())), "rep")
    assert answer.status_code == 404


async def said(library, deal, voice: str, role="manager", **fields):
    body = {"deal_id": str(deal), "voice": voice, "reasons": ["price"], **fields}
    return await library.post("/v1/win-loss", body, role)


async def test_three_voices_stand_side_by_side_and_words_stay_here(library):
    deal = new_id()
    for voice in ("rep", "marketing", "buyer"):
        library.clock.at += timedelta(minutes=1)
        assert (await said(library, deal, voice, text="CANARY")).status_code == 201
    await said(library, new_id(), "rep")
    found = (await library.get("/v1/win-loss", deal_id=str(deal))).json()["items"]
    assert [(r["voice"], r["text"]) for r in found] == [
        ("buyer", "CANARY"), ("marketing", "CANARY"), ("rep", "CANARY"),
    ]  # fmt: skip
    assert {event.reasons for _, event in await library.published()} == {("price",)}
    assert not any(b"CANARY" in record for record in await library.outbox())


async def test_a_rep_cannot_change_their_reasons_once_the_buyer_spoke(library):
    deal = new_id()
    assert (await said(library, deal, "rep", "rep")).status_code == 201
    assert (await said(library, deal, "rep", "rep", reasons=["quality"])).status_code == 201
    await said(library, deal, "buyer")
    assert (await said(library, deal, "rep", "rep")).status_code == 409
    assert (await said(library, deal, "buyer", "rep")).status_code == 403


@pytest.mark.parametrize(
    "reasons", [[], ["too expensive because of Jane's budget!"], "price", ["a"] * 21]
)
async def test_reasons_are_codes(library, reasons):
    answer = await said(library, new_id(), "rep", reasons=reasons)
    assert answer.status_code == 422
    assert await library.outbox() == []


async def test_another_tenant_sees_none_of_it(library):
    feedback = (await submitted(library))["id"]
    await said(library, new_id(), "rep")
    async with library.client(tenant=new_id()) as stranger:
        assert (await stranger.get("/v1/feedback")).json()["items"] == []
        assert (await stranger.get("/v1/win-loss")).json()["items"] == []
        assert (await stranger.get(f"/v1/feedback/{feedback}")).status_code == 404
        answer = await stranger.post(
            f"/v1/feedback/{feedback}/answer", json={"text": "x", "changed": False}
        )
        assert answer.status_code == 404
