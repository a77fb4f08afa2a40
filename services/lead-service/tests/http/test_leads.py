"""Leads over HTTP."""

from typing import Any

import pytest


async def rep(caller: Any, name: str = "Rob") -> str:
    return str((await caller.made("/v1/people", {"name": name, "kind": "rep"}))["id"])


async def test_a_captured_lead_can_be_read_as_it_was_answered(caller: Any) -> None:
    answer = await caller.post(
        "/v1/leads", {"name": "Eve", "source": "web", "attributes": {"size": 40, "role": "cto"}}
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/leads/{answer.json()['id']}"
    assert answer.headers["event-id"] == (await caller.events())[-1]["id"]
    read = await caller.get(answer.headers["location"])
    assert read.json() == answer.json()
    assert read.headers["etag"] == answer.headers["etag"] == '"1"'


async def test_the_same_external_id_and_body_is_the_same_lead(caller: Any) -> None:
    body = {"external": {"source": "form", "id": "42"}, "name": "Eve"}
    first = await caller.post("/v1/leads", body)
    before = await caller.state()
    second = await caller.post("/v1/leads", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert await caller.state() == before


async def test_the_same_external_id_with_another_body_is_a_conflict(caller: Any) -> None:
    body = {"external": {"source": "form", "id": "42"}, "name": "Eve"}
    await caller.made("/v1/leads", body)
    answer = await caller.post("/v1/leads", body | {"name": "Eva"})
    assert answer.status_code == 409


@pytest.mark.parametrize("other", [
    ("form", "abc-É"), ("form", "abc-e\u0301"), ("form", " abc-é"), ("Form", "abc-é"), ("crm", "abc-é"),
])  # fmt: skip
async def test_a_name_elsewhere_is_what_is_written_and_nothing_near_it(
    caller: Any, other: tuple[str, str]
) -> None:
    made = [
        await caller.post("/v1/leads", {"external": {"source": source, "id": id_}})
        for source, id_ in (("form", "abc-é"), other)
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[1].json()["external"] == {"source": other[0], "id": other[1]}


async def test_attributes_in_another_order_are_the_same_lead(caller: Any) -> None:
    external = {"source": "form", "id": "42"}
    for attributes, status in (({"a": 1, "b": 2}, 201), ({"b": 2, "a": 1}, 200)):
        answer = await caller.post("/v1/leads", {"external": external, "attributes": attributes})
        assert answer.status_code == status, answer.text


async def test_a_clock_that_is_five_minutes_ahead_is_believed(caller: Any) -> None:
    answer = await caller.post("/v1/leads", {"captured_at": "2026-11-22T09:05:00Z"})
    assert answer.status_code == 201
    answer = await caller.post("/v1/leads", {"captured_at": "2026-11-22T09:05:00.001Z"})
    assert answer.json()["errors"][0]["pointer"] == "/captured_at"


async def test_the_same_lead_again_is_the_same_even_after_it_was_corrected(caller: Any) -> None:
    body = {"external": {"source": "form", "id": "42"}, "name": "Eve"}
    lead = await caller.made("/v1/leads", body)
    await caller.send("PATCH", f"/v1/leads/{lead['id']}", {"name": "Eva"}, If_Match='"1"')
    again = await caller.post("/v1/leads", body)
    assert again.status_code == 200
    assert again.json()["name"] == "Eva"


async def test_an_idempotency_key_makes_one_lead(caller: Any) -> None:
    first = await caller.post("/v1/leads", {"name": "Eve"}, Idempotency_Key="k1")
    second = await caller.post("/v1/leads", {"name": "Eve"}, Idempotency_Key="k1")
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json()
    assert len(await caller.rows("SELECT 1 FROM lead")) == 1


async def test_a_patch_changes_only_what_it_names(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {"name": "Eve", "source": "web", "segment": "smb"})
    path = f"/v1/leads/{lead['id']}"
    answer = await caller.send("PATCH", path, {"segment": None, "company": "ACME"}, If_Match='"1"')
    assert answer.status_code == 200, answer.text
    assert answer.json() == lead | {"segment": None, "company": "ACME", "version": 2}
    event = (await caller.events())[-1]
    assert event["type"] == "onefunnel.lead.updated.v1"
    assert event["data"]["segment"] is None
    assert event["data"]["source"] == "web"


@pytest.mark.parametrize(("tag", "status"), [(None, 428), ('"7"', 412), ("*", 422), ("x", 412)])
async def test_a_patch_needs_the_version_that_it_changes(
    caller: Any, tag: str | None, status: int
) -> None:
    lead = await caller.made("/v1/leads", {"name": "Eve"})
    headers = {"If_Match": tag} if tag else {}
    answer = await caller.send("PATCH", f"/v1/leads/{lead['id']}", {"name": "Eva"}, **headers)
    assert answer.status_code == status


async def test_a_rejection_needs_a_reason_class(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {"owner": await rep(caller)})
    path = f"/v1/leads/{lead['id']}/reject"
    assert (await caller.post(path, {})).status_code == 422
    rejected = await caller.made(path, {"reason_class": "definitional", "note": "too small"})
    assert rejected["state"] == "rejected"
    assert (await caller.events())[-1]["data"]["reason_class"] == "definitional"


async def test_accepting_names_the_one_who_asks(caller: Any) -> None:
    person = await rep(caller)
    lead = await caller.made("/v1/leads", {"owner": await rep(caller, "Other")})
    caller.person_id = person
    await caller.made(f"/v1/leads/{lead['id']}/accept", {})
    assert (await caller.events())[-1]["data"]["accepted_by"] == person


async def test_a_recycled_lead_has_a_date_and_a_reason(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {"owner": await rep(caller)})
    body = {"reason": "no-budget", "until": "2027-01-31"}
    recycled = await caller.made(f"/v1/leads/{lead['id']}/recycle", body)
    assert (recycled["state"], recycled["recycle_until"]) == ("recycled", "2027-01-31")


async def test_a_merged_lead_leads_to_the_one_that_survived(caller: Any) -> None:
    old, new = await caller.made("/v1/leads", {"name": "E"}), await caller.made("/v1/leads", {})
    touch = {"side": "sales", "channel": "call", "note": "left a message"}
    await caller.made(f"/v1/leads/{old['id']}/touches", touch)
    merged = await caller.made(f"/v1/leads/{old['id']}/merge", {"into": new["id"]})
    assert merged["state"] == "merged"
    read = await caller.get(f"/v1/leads/{old['id']}")
    assert read.status_code == 308
    assert read.headers["location"] == f"/v1/leads/{new['id']}"
    assert [r["lead_id"] for r in await caller.rows("SELECT lead_id::text FROM touch")] == [
        new["id"]
    ]
    last = (await caller.events())[-2:]
    assert [(e["type"], e["data"]["lead_id"]) for e in last] == [
        ("onefunnel.lead.merged.v1", old["id"]),
        ("onefunnel.touch.recorded.v1", new["id"]),
    ]


async def test_a_lead_converts_once(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {})
    path = f"/v1/leads/{lead['id']}/convert"
    await caller.made(path, {})
    assert (await caller.post(path, {})).status_code == 409
    assert len(await caller.rows("SELECT 1 FROM deal")) == 1


async def test_a_conversion_that_fails_leaves_the_lead_unconverted(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {})
    before = await caller.state()
    body = {"deal": {"stage": "nowhere"}}
    assert (await caller.post(f"/v1/leads/{lead['id']}/convert", body)).status_code == 422
    assert await caller.state() == before


async def test_leads_are_listed_newest_first_filtered_and_page_by_page(caller: Any) -> None:
    person = await rep(caller)
    made = [await caller.made("/v1/leads", {"source": f"s{n % 2}"}) for n in range(5)]
    owned = await caller.made("/v1/leads", {"owner": person, "source": "s0"})
    listed: list[str] = []
    path = "/v1/leads?limit=2&source=s0"
    cursor = None
    while True:
        page = (await caller.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(listed) == sorted([owned["id"], made[0]["id"], made[2]["id"], made[4]["id"]])
    assert len(listed) == len(set(listed))
    mine = (await caller.get(f"/v1/leads?owner={person}")).json()["items"]
    assert [item["id"] for item in mine] == [owned["id"]]
    assert (await caller.get("/v1/leads?state=assigned")).json()["items"] == mine


async def test_a_lead_is_found_by_its_external_id(caller: Any) -> None:
    external = {"source": "form", "id": "4/2 ü"}
    lead = await caller.made("/v1/leads", {"external": external})
    await caller.made("/v1/leads", {})
    query = "external.source=form&external.id=4%2F2%20%C3%BC"
    found = (await caller.get(f"/v1/leads?{query}")).json()["items"]
    assert [item["id"] for item in found] == [lead["id"]]
    assert found[0]["external"] == external
    assert (await caller.get("/v1/leads?external.id=42")).status_code == 422


async def test_a_timeline_says_how_long_each_state_lasted(caller: Any) -> None:
    lead = await caller.made(
        "/v1/leads", {"owner": await rep(caller), "captured_at": "2026-01-01T00:00:00Z"}
    )
    await caller.made(f"/v1/leads/{lead['id']}/accept", {"at": "2026-01-03T00:00:00Z"})
    items = (await caller.get(f"/v1/leads/{lead['id']}/timeline")).json()["items"]
    assert [(t["to"], t["at"], t["left_at"]) for t in items] == [
        ("accepted", "2026-01-03T00:00:00Z", None),
        ("assigned", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"),
    ]
    events = await caller.events()
    assert [t["event_id"] for t in items] == [events[-1]["id"], events[-2]["id"]]


async def test_a_date_means_its_start_in_the_tenants_zone(caller: Any) -> None:
    lead = await caller.made("/v1/leads", {"captured_at": "2026-07-01"})
    assert lead["captured_at"] == "2026-06-30T22:00:00Z"
