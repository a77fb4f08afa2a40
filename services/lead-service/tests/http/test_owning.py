"""Whose leads and deals a caller is shown, and what of them."""

from dataclasses import replace

import pytest

from onefunnel.ids import new_id
from onefunnel.reach import ALL, Rights

OWN = Rights(frozenset({"self"}), frozenset({"self"}))


async def person(caller, name, **place):
    memberships = [place] if place else []
    made = await caller.made(
        "/v1/people", {"name": name, "kind": "rep", "memberships": memberships}
    )
    return made["id"]


async def lead_of(caller, owner):
    contact = {"name": "Ada", "email": "ada@example.com", "phone": "1", "company": "Example"}
    return (await caller.made("/v1/leads", {"source": "web", "owner": owner, **contact}))["id"]


async def test_a_list_and_a_single_read_show_the_same_leads(caller):
    me, other = await person(caller, "me"), await person(caller, "other")
    mine, theirs = await lead_of(caller, me), await lead_of(caller, other)
    rep = replace(caller, role="rep", person_id=me, rights=OWN)
    listed = [one["id"] for one in (await rep.get("/v1/leads")).json()["items"]]
    assert listed == [mine]
    assert (await rep.get(f"/v1/leads/{mine}")).status_code == 200
    foreign = await rep.get(f"/v1/leads/{theirs}")
    missing = await rep.get(f"/v1/leads/{new_id()}")
    for answer in (foreign, missing):
        assert answer.status_code == 404
        assert answer.json()["detail"] == missing.json()["detail"]
    assert (await rep.get(f"/v1/leads/{theirs}/timeline")).status_code == 404


async def test_a_page_ends_where_the_callers_leads_end(caller):
    me, other = await person(caller, "me"), await person(caller, "other")
    for owner in (me, other, me, other):
        await lead_of(caller, owner)
    rep = replace(caller, role="rep", person_id=me, rights=OWN)
    page = (await rep.get("/v1/leads?limit=2")).json()
    assert len(page["items"]) == 2
    assert page["next_cursor"] is None  # what follows is not there for this caller


async def test_a_subtree_is_that_of_today(caller):
    boss = await person(caller, "boss")
    was = await person(caller, "was", to="2026-10-31", manager=boss)
    is_ = await person(caller, "is", **{"from": "2026-11-01", "manager": boss})
    await lead_of(caller, was)
    seen = await lead_of(caller, is_)
    below = Rights(frozenset({"subtree"}), frozenset({"subtree"}))
    manager = replace(caller, role="manager", person_id=boss, rights=below)
    assert [one["id"] for one in (await manager.get("/v1/leads")).json()["items"]] == [seen]


async def test_what_is_seen_and_not_allowed_is_forbidden_and_changes_nothing(caller):
    me = await person(caller, "me")
    lead = await lead_of(caller, me)
    before = await caller.state()
    rep = replace(caller, role="rep", person_id=me, rights=Rights(frozenset({"self"})))
    answer = await rep.post(f"/v1/leads/{lead}/disqualify", {"reason": "spam"})
    assert answer.status_code == 403
    assert await caller.state() == before


async def test_nobody_gives_a_deal_to_somebody_outside_of_their_rights(caller):
    me, other = await person(caller, "me"), await person(caller, "other")
    rep = replace(caller, role="rep", person_id=me, rights=OWN)
    assert (await rep.post("/v1/deals", {"name": "d", "owner": other})).status_code == 403
    deal = await rep.post("/v1/deals", {"name": "d", "owner": me})
    assert deal.status_code == 201, deal.text
    path, seen = f"/v1/deals/{deal.json()['id']}", deal.headers["etag"]
    given = await rep.send("PATCH", path, {"owner": other}, if_match=seen)
    assert given.status_code == 403


OTHERS = ALL - {"self"}
LINE = {"id": "1", "revenue_minor": 1_000}


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("corrections", {"lines": [LINE], "reason": "typo"}),
        ("refunds", {"fraction": "0.5"}),
        ("payments", {"amount": {"amount_minor": 1, "currency": "EUR"}}),
        ("reopen", {}),
        ("cancel", {}),
    ],
)
async def test_who_is_credited_for_anothers_deal_decides_nothing_about_it(caller, what, body):
    me, owner = await person(caller, "me"), await person(caller, "owner")
    made = await caller.made("/v1/deals", {"owner": owner, "currency": "EUR"})
    path = f"/v1/deals/{made['id']}"
    credits_ = [{"person": owner, "split": "0.5"}, {"person": me, "split": "0.5"}]
    await caller.made(f"{path}/win", {"lines": [LINE], "credits": credits_})
    payer = replace(caller, role="comp_admin", person_id=me, rights=Rights(OTHERS, OTHERS))

    refused = await payer.post(f"{path}/{what}", body)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    another = replace(payer, person_id=await person(caller, "another"))
    assert (await another.post(f"{path}/{what}", body)).status_code in {200, 201}


async def test_nobody_corrects_anothers_deal_to_their_own_credit(caller):
    me, owner = await person(caller, "me"), await person(caller, "owner")
    made = await caller.made("/v1/deals", {"owner": owner, "currency": "EUR"})
    path = f"/v1/deals/{made['id']}"
    await caller.made(f"{path}/win", {"lines": [LINE]})
    payer = replace(caller, role="comp_admin", person_id=me, rights=Rights(OTHERS, OTHERS))
    body = {"lines": [LINE], "reason": "typo", "credits": [{"person": me}]}

    refused = await payer.post(f"{path}/corrections", body)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    to_owner = {**body, "credits": [{"person": owner}]}
    assert (await payer.post(f"{path}/corrections", to_owner)).status_code == 200


MASKED = Rights(ALL, ALL, masked=True)
SAID = "CANARY"  # in everything that is said about somebody outside
CONTACT = {
    "name": SAID,
    "email": f"{SAID}@example.com",
    "phone": SAID,
    "company": SAID,
    "attributes": {"title": SAID},
}


async def test_who_sees_no_names_is_told_nothing_that_is_said_about_a_person_outside(caller):
    """The vault's words are what is personal: they are masked wherever they are answered."""
    lead = (await caller.made("/v1/leads", {"source": "web", **CONTACT}))["id"]
    deal = (await caller.made("/v1/deals", {"currency": "EUR"}))["id"]
    auditor = replace(caller, role="auditor", rights=MASKED)
    noted = [
        await auditor.post(
            f"/v1/leads/{lead}/touches", {"side": "sales", "channel": "call", "note": SAID}
        ),
        await auditor.post("/v1/activities", {"deal": deal, "kind": "call", "note": SAID}),
    ]
    assert [answer.status_code for answer in noted] == [201, 201]
    paths = (
        "/v1/leads", f"/v1/leads/{lead}", f"/v1/leads/{lead}/timeline", "/v1/activities",
        f"/v1/deals/{deal}/timeline",
    )  # fmt: skip
    for path in paths:
        assert SAID in (await caller.get(path)).text, path
        noted.append(await auditor.get(path))
    for answer in noted:
        assert answer.is_success
        assert SAID not in answer.text, answer.url


@pytest.mark.parametrize("field", sorted(CONTACT))
async def test_what_somebody_is_not_shown_they_do_not_change(caller, field):
    lead = await lead_of(caller, None)
    path = f"/v1/leads/{lead}"
    marketer = replace(caller, role="marketer", rights=MASKED)
    seen = (await marketer.get(path)).headers["etag"]
    for value in (CONTACT[field], {} if field == "attributes" else None):
        refused = await marketer.send("PATCH", path, {field: value}, if_match=seen)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    moved = await marketer.send("PATCH", path, {"source": "fair"}, if_match=seen)
    assert moved.status_code == 200
    assert (await caller.get(path)).json()["name"] == "Ada"


async def test_an_answer_that_was_kept_unmasked_is_not_given_to_who_is_masked_by_now(caller):
    """Somebody who signs in gets another role: they are the same principal, with the same keys of requests."""
    body = {"source": "web", **CONTACT}
    assert (await caller.post("/v1/leads", body, idempotency_key="k")).status_code == 201
    now = replace(caller, role="marketer", rights=MASKED)

    again = await now.post("/v1/leads", body, idempotency_key="k")

    assert (again.status_code, again.json()["code"]) == (422, "idempotency-key-reused")
    assert SAID not in again.text


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/deals"])
async def test_who_names_what_is_anothers_from_outside_is_not_shown_it(caller, path):
    """The name is taken, and says so; what stands behind it is no answer to somebody who does not see it."""
    me, other = await person(caller, "me"), await person(caller, "other")
    body = {"source": "web", "owner": me, "external": {"source": "crm", "id": "7"}}
    made = await caller.made(path, body)
    rep = replace(caller, role="rep", person_id=me, rights=OWN)
    assert (await rep.post(path, body)).json()["id"] == made["id"]
    if path == "/v1/leads":
        await caller.post(f"{path}/{made['id']}/assign", {"owner": other})
    else:
        await caller.send("PATCH", f"{path}/{made['id']}", {"owner": other}, if_match='"1"')

    again = await rep.post(path, body)

    assert again.status_code == 409
    assert made["id"] not in again.text
