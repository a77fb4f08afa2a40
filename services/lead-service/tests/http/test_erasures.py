"""Erasing a person: two decide, everything personal goes at once, and does not come back."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from onefunnel.ids import new_id

CANARY = "Canary-5e1d"
MAIL = "canary-5e1d@example.org"
BODY = {
    "name": f"{CANARY} Jane",
    "email": MAIL,
    "phone": "+49 30 5551234",
    "company": f"{CANARY} Ltd",
    "attributes": {"words": CANARY},
    "source": "web",
    "external": {"source": "form", "id": MAIL},
}


async def asked_for(caller: Any, subject: str, kind: str = "lead") -> dict[str, Any]:
    return await caller.made("/v1/erasures", {"kind": kind, "subject": subject})


async def erased(caller: Any, subject: str, kind: str = "lead") -> dict[str, Any]:
    made = await asked_for(caller, subject, kind)
    approver = replace(caller, headers=caller.headers, principal="second")
    answer = await approver.post(f"/v1/erasures/{made['id']}/approve", None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def everything(caller: Any) -> str:
    return repr(await caller.state())


@pytest.fixture
async def lead(caller: Any) -> str:
    made = await caller.post("/v1/leads", BODY, Idempotency_Key="capture")
    path = f"/v1/leads/{made.json()['id']}"
    await caller.made(f"{path}/recycle", {"reason": "later", "note": f"{CANARY} away"})
    touch = {"side": "sales", "channel": "call", "note": f"{CANARY} touch"}
    await caller.made(f"{path}/touches", touch)
    return made.json()["id"]


async def test_what_is_erased_is_gone_for_every_reader(caller: Any, lead: str) -> None:
    receipt = await erased(caller, lead)

    assert (receipt["status"], receipt["approved_by"]) == ("erased", "second")
    erased_at, complete_by = receipt["erased_at"], receipt["complete_by"]
    assert datetime.fromisoformat(complete_by) - datetime.fromisoformat(erased_at) == timedelta(30)
    assert (await caller.get(f"/v1/leads/{lead}")).status_code == 410
    (listed,) = (await caller.get("/v1/leads")).json()["items"]
    assert {listed[name] for name in ("name", "email", "phone", "company")} == {None}
    assert (listed["attributes"], listed["external"]) == ({}, None)
    names = await caller.post("/internal/names", {"lead": [lead]})
    assert names.json() == {"names": {}}
    for path in (f"/v1/leads/{lead}/timeline", "/v1/leads", "/v1/erasures"):
        answer = await caller.get(path)
        assert CANARY not in answer.text
        assert MAIL not in answer.text


async def test_nothing_that_could_be_opened_is_left(caller: Any, lead: str) -> None:
    before = await caller.rows("SELECT * FROM vault")
    assert before, "there was something to take away"

    await erased(caller, lead)

    assert await caller.rows("SELECT * FROM vault") == []
    assert await caller.rows("SELECT * FROM subject_key WHERE wrapped IS NOT NULL") == []
    assert await caller.rows("SELECT * FROM idempotency") == []
    state = await everything(caller)
    assert CANARY not in state
    assert MAIL not in state


async def test_what_was_counted_stays(caller: Any, lead: str) -> None:
    rows = "SELECT state, source, captured_at, event_seq FROM lead"
    before = await caller.rows(rows)
    events = len(await caller.events())

    await erased(caller, lead)

    assert await caller.rows(rows) == before
    told = (await caller.events())[events:]
    assert [e["type"] for e in told] == ["onefunnel.subject.erased.v1"]
    assert (told[0]["subject"], told[0]["aggregatetype"]) == (lead, "subject")
    assert set(told[0]["data"]) == {"subject_id", "kind", "erased_at", "same", "deals"}


async def test_who_asks_may_not_carry_it_out(caller: Any, lead: str) -> None:
    made = await asked_for(caller, lead)

    answer = await caller.post(f"/v1/erasures/{made['id']}/approve", None)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await caller.get(f"/v1/leads/{lead}")).json()["email"] == MAIL


async def test_twice_is_the_same_receipt(caller: Any, lead: str) -> None:
    receipt = await erased(caller, lead)

    again = await caller.post("/v1/erasures", {"kind": "lead", "subject": lead})
    approved = await caller.post(f"/v1/erasures/{receipt['id']}/approve", None)

    assert (again.status_code, again.json()) == (200, receipt)
    assert (approved.status_code, approved.json()) == (200, receipt)
    assert (await caller.get(f"/v1/erasures/{receipt['id']}")).json() == receipt


async def test_of_nobody_is_not_found(caller: Any) -> None:
    nobody = "019abf0e-6a52-7c1e-9f0a-5d1f0f0a9c11"
    for kind in ("lead", "person"):
        answer = await caller.post("/v1/erasures", {"kind": kind, "subject": nobody})
        assert answer.status_code == 404
    assert (await caller.post(f"/v1/erasures/{nobody}/approve", None)).status_code == 404


@pytest.mark.parametrize("external", [BODY["external"], {"source": "crm", "id": "7"}, None])
async def test_who_was_erased_does_not_come_back(caller: Any, lead: str, external: Any) -> None:
    await erased(caller, lead)
    body = {**BODY, "external": external, "email": f" {MAIL.upper()}".strip()}

    alone = await caller.post("/v1/leads", body)
    several = await caller.made("/v1/leads/batch", {"items": [body, {"name": "Other"}]})

    assert (alone.status_code, alone.json()["code"]) == (410, "gone")
    assert [item["status"] for item in several["items"]] == ["rejected", "created"]
    assert MAIL.upper() not in (await everything(caller)).upper()


async def test_nobody_writes_about_who_was_erased(caller: Any, lead: str) -> None:
    await erased(caller, lead)

    for path, body in (
        ("recycle", {"reason": "later", "note": CANARY}),
        ("touches", {"side": "sales", "channel": "call", "note": CANARY}),
    ):
        answer = await caller.post(f"/v1/leads/{lead}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert CANARY not in await everything(caller)


async def test_the_same_person_under_another_lead_goes_too(caller: Any, lead: str) -> None:
    twin = await caller.made("/v1/leads", {"name": f"{CANARY} J.", "email": MAIL.upper()})
    merged = await caller.made("/v1/leads", {"name": f"{CANARY} Janie", "email": "j@example.org"})
    event = "onefunnel.subject.erased.v1"
    await caller.made(f"/v1/leads/{merged['id']}/merge", {"into": twin["id"]})
    other = await caller.made("/v1/leads", {"name": "Somebody else", "email": "else@example.org"})

    await erased(caller, lead)

    assert await caller.rows("SELECT * FROM vault WHERE subject_id <> '" + other["id"] + "'") == []
    assert (await caller.get(f"/v1/leads/{twin['id']}")).status_code == 410
    (told,) = [e["data"]["same"] for e in await caller.events() if e["type"] == event]
    assert set(told) == {twin["id"], merged["id"]}
    assert (await caller.get(f"/v1/leads/{other['id']}")).json()["name"] == "Somebody else"


async def test_words_on_the_deal_of_a_lead_go_and_the_deal_goes_on(caller: Any, lead: str) -> None:
    deal = await caller.made(f"/v1/leads/{lead}/convert", {"deal": {"name": f"{CANARY} deal"}})
    activity = {"deal": deal["id"], "kind": "call", "note": f"{CANARY} talked"}
    await caller.post("/v1/activities", activity, Idempotency_Key="activity")

    await erased(caller, lead)

    assert CANARY not in (await caller.get("/v1/activities")).text
    assert (await caller.get(f"/v1/deals/{deal['id']}")).json()["name"] == "(erased)"
    names = (await caller.post("/internal/names", {"deal": [deal["id"]]})).json()["names"]
    assert names == {deal["id"]: "(erased)"}
    assert await caller.rows("SELECT * FROM idempotency") == []
    (told,) = [e for e in await caller.events() if "erased" in e["type"]]
    assert (told["data"]["same"], told["data"]["deals"]) == ([], [deal["id"]])
    await caller.made("/v1/activities", {**activity, "note": "new words"})
    assert "new words" in (await caller.get("/v1/activities")).text


async def test_a_person_who_left_keeps_their_place_without_a_name(caller: Any) -> None:
    ada = await caller.made("/v1/people", {"name": f"{CANARY} Ada", "email": MAIL, "kind": "rep"})
    bob = {"name": "Bob", "kind": "rep", "memberships": [{"manager": ada["id"]}]}

    await erased(caller, ada["id"], "person")

    await caller.made("/v1/people", bob)
    names = (await caller.post("/internal/names", {"person": [ada["id"]]})).json()["names"]
    assert names == {ada["id"]: "(erased)"}
    assert (await caller.get(f"/v1/people/{ada['id']}")).status_code == 410
    again = await caller.post("/v1/people", {"name": "Ada", "email": MAIL, "kind": "rep"})
    assert again.status_code == 410


async def test_asked_for_and_carried_out_are_in_the_audit(caller: Any, lead: str) -> None:
    receipt = await erased(caller, lead)

    rows = await caller.rows(
        "SELECT action, principal_id, object_id, event_id FROM audit WHERE resource = 'erasure' ORDER BY id"
    )
    assert [(row["action"], row["principal_id"]) for row in rows] == [
        ("request", "tester"),
        ("approve", "second"),
    ]
    assert {row["object_id"] for row in rows} == {receipt["id"]}
    assert rows[1]["event_id"] is not None


async def test_another_tenant_knows_nothing_of_it(caller: Any, lead: str) -> None:
    await erased(caller, lead)
    other = replace(caller, tenant_id=new_id())
    calendar = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}
    await other.send("PUT", "/internal/tenant", calendar)

    assert (await other.get("/v1/erasures")).json()["items"] == []
    made = await other.post("/v1/leads", BODY)
    assert made.status_code == 201


async def test_somebody_reads_all_that_is_known_of_them_and_it_is_written_down(
    caller: Any, lead: str
) -> None:
    deal = await caller.made(f"/v1/leads/{lead}/convert", {"deal": {"name": "D"}})
    activity = {"deal": deal["id"], "kind": "call", "note": f"{CANARY} talked"}
    await caller.made("/v1/activities", activity)

    export = (await caller.get(f"/v1/subjects/{lead}/export")).json()

    told = repr(export["words"])
    for words in (f"{CANARY} Jane", MAIL, f"{CANARY} away", f"{CANARY} touch", f"{CANARY} talked"):
        assert words in told
    assert {"lead.captured", "lead.converted", "touch.recorded"} <= {
        fact["what"] for fact in export["facts"]
    }
    rows = await caller.rows("SELECT object_id FROM audit WHERE action = 'export'")
    assert [row["object_id"] for row in rows] == [lead]


async def test_there_is_nothing_to_read_of_who_was_erased_or_never_was(
    caller: Any, lead: str
) -> None:
    await erased(caller, lead)

    assert (await caller.get(f"/v1/subjects/{lead}/export")).status_code == 410
    assert (await caller.get(f"/v1/subjects/{new_id()}/export")).status_code == 404
    assert (await caller.get(f"/v1/subjects/{lead}/export?kind=person")).status_code == 404


async def test_two_keys_of_one_person_are_not_two_people(caller: Any, lead: str) -> None:
    person = new_id()
    one = replace(caller, principal="key:1", person_id=person)
    made = await asked_for(one, lead)
    path = f"/v1/erasures/{made['id']}/approve"

    refused = await replace(one, principal="key:2").post(path, None)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await caller.get(f"/v1/leads/{lead}")).status_code == 200
    other = replace(one, principal="key:3", person_id=new_id())
    assert (await other.post(path, None)).status_code == 200
