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


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/{}"])
async def test_a_masked_lead_has_no_name_and_no_address(caller, path):
    lead = await lead_of(caller, await person(caller, "me"))
    masked = replace(caller, role="auditor", rights=Rights(ALL, ALL, masked=True))
    text = (await masked.get(path.format(lead))).text
    assert "Example" in text  # the company is no person
    assert "Ada" not in text
    assert "ada@example.com" not in text


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
