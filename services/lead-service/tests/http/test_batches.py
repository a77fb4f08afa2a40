"""Imports: a row is wholly in or not, and the same row again changes nothing."""

import gc
from typing import Any

import pytest


def external(kind: str, id_: str) -> dict[str, str]:
    return {"source": "crm", "id": f"{kind}-{id_}"}


def directory() -> list[dict[str, Any]]:
    return [
        {
            "key": "boss",
            "commands": [
                {
                    "do": "person.put",
                    "external": external("p", "boss"),
                    "name": "B",
                    "kind": "manager",
                }
            ],
        },
        {
            "key": "rep",
            "commands": [
                {
                    "do": "person.put",
                    "external": external("p", "rep"),
                    "name": "R",
                    "kind": "rep",
                    "memberships": [{"manager": external("p", "boss"), "region": "West"}],
                }
            ],
        },
        {
            "key": "product",
            "commands": [
                {
                    "do": "product.put",
                    "external": external("g", "gtx"),
                    "name": "GTX",
                    "list_minor": 50_000,
                    "currency": "EUR",
                }
            ],
        },
    ]


def won_deal(id_: str, **changes: Any) -> dict[str, Any]:
    deal = external("d", id_)
    return {
        "key": id_,
        "commands": [
            {
                "do": "deal.create",
                "external": deal,
                "created_at": "2017-01-02",
                "stage": "discovery",
                "owner": external("p", "rep"),
                "product": external("g", "gtx"),
                **changes,
            },
            {
                "do": "deal.win",
                "external": deal,
                "at": "2017-03-01",
                "lines": [
                    {
                        "id": "1",
                        "product": external("g", "gtx"),
                        "revenue_minor": 48_000,
                        "cost_minor": 30_000,
                        "cost_assumed": True,
                    }
                ],
                "credits": [{"person": external("p", "rep")}],
            },
        ],
    }


async def imported(caller: Any, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = await caller.post("/v1/batches", {"source": "crm", "items": items})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


async def test_rows_are_made_with_all_their_events(caller: Any) -> None:
    results = await imported(caller, [*directory(), won_deal("1")])
    assert statuses(results) == ["created"] * 4, results
    assert (await caller.types())[2:] == [
        "person.changed", "person.changed", "product.changed", "deal.created", "deal.won",
    ]  # fmt: skip
    won = (await caller.events())[-1]["data"]
    assert won["at"] == "2017-02-28T23:00:00Z"
    assert won["lines"][0]["list_minor"] == 50_000
    assert won["lines"][0]["cost_assumed"] is True


async def test_the_same_rows_again_change_nothing(caller: Any) -> None:
    rows = [*directory(), won_deal("1")]
    await imported(caller, rows)
    before = await caller.state()
    assert statuses(await imported(caller, rows)) == ["unchanged"] * 4
    assert await caller.state() == before


async def test_a_deal_row_that_changed_is_refused_and_says_what_to_do(caller: Any) -> None:
    await imported(caller, [*directory(), won_deal("1")])
    before = await caller.state()
    results = await imported(caller, [won_deal("1", segment="smb")])
    assert statuses(results) == ["rejected"]
    assert results[0]["problem"]["code"] == "conflict"
    assert await caller.state() == before


async def test_a_record_row_that_changed_is_put_anew(caller: Any) -> None:
    rows = directory()
    await imported(caller, rows)
    rows[2]["commands"][0]["list_minor"] = 60_000
    assert statuses(await imported(caller, rows)) == ["unchanged", "unchanged", "updated"]
    assert (await caller.events())[-1]["data"]["list_minor"] == 60_000


@pytest.mark.parametrize(
    ("spoil", "code", "pointer"),
    [
        ({"stage": "nowhere"}, "business-rule-violated", "/commands/0/stage"),
        ({"owner": {"source": "crm", "id": "p-nobody"}}, "unknown-reference", "/commands/0/owner"),
        (
            {"amount": {"amount_minor": 1, "currency": "USD"}},
            "business-rule-violated",
            "/commands/1/lines/0/product",
        ),
        (
            {"amount": {"amount_minor": 10**16, "currency": "EUR"}},
            "validation-failed",
            "/commands/0/amount/amount_minor",
        ),
    ],
)
async def test_a_bad_row_leaves_nothing_behind_and_hurts_no_other(
    caller: Any, spoil: dict[str, Any], code: str, pointer: str
) -> None:
    await imported(caller, directory())
    results = await imported(caller, [won_deal("1"), won_deal("2", **spoil), won_deal("3")])
    assert statuses(results) == ["created", "rejected", "created"]
    problem = results[1]["problem"]
    assert problem["code"] == code
    assert problem["errors"][0]["pointer"] == pointer
    deals = (await caller.get("/v1/deals")).json()["items"]
    assert {deal["external"]["id"] for deal in deals} == {"d-1", "d-3"}


async def test_a_row_that_fails_in_its_last_command_is_not_half_in(caller: Any) -> None:
    await imported(caller, directory())
    before = await caller.state()
    row = won_deal("1")
    row["commands"][1]["lines"][0]["quantity"] = "0"
    assert statuses(await imported(caller, [row])) == ["rejected"]
    assert await caller.state() == before


async def test_events_carry_the_runs_correlation_id(caller: Any) -> None:
    await caller.post(
        "/v1/batches", {"source": "crm", "items": directory()}, X_Correlation_Id="run-7"
    )
    events = await caller.events()
    assert {event["correlationid"] for event in events[2:]} == {"run-7"}


async def test_a_lead_row_is_captured_accepted_and_converted(caller: Any) -> None:
    lead = external("l", "1")
    row = {
        "key": "1",
        "commands": [
            {
                "do": "lead.capture",
                "external": lead,
                "captured_at": "2018-01-05",
                "source": "social",
                "owner": external("p", "rep"),
                "qualified_at": "2018-01-05",
                "attributes": {"landing_page": "x"},
            },
            {"do": "lead.accept", "external": lead, "at": "2018-01-06"},
            {
                "do": "lead.convert",
                "external": lead,
                "at": "2018-01-07",
                "deal": {"external": external("d", "1"), "currency": "BRL"},
            },
            {"do": "deal.win", "external": external("d", "1"), "at": "2018-01-09", "lines": []},
        ],
    }
    await imported(caller, directory())
    results = await imported(caller, [row])
    assert statuses(results) == ["created"], results
    origin = next(e for e in await caller.events() if e["type"].endswith("deal.created.v1"))
    assert set(origin["data"]["origin"]["steps"]) == {"lead", "mql", "sal", "sql"}
    deal = (await caller.get("/v1/deals")).json()["items"][0]
    assert deal["state"] == "won"


async def test_an_undated_row_has_no_time_and_never_the_clocks(caller: Any) -> None:
    await imported(caller, directory())
    row = won_deal("1", created_at=None)
    row["commands"].pop()
    assert statuses(await imported(caller, [row])) == ["created"]
    assert (await caller.events())[-1]["data"]["created_at"] is None


async def test_leads_in_a_batch_are_taken_or_refused_for_themselves(caller: Any) -> None:
    items = [{"name": "A", "source": "web"}, {"name": "B", "owner": "x"}, {"name": "C"}]
    answer = (await caller.made("/v1/leads/batch", {"items": items}))["items"]
    assert [item["status"] for item in answer] == ["created", "rejected", "created"]
    read = await caller.get(f"/v1/leads/{answer[2]['id']}")
    assert read.json()["name"] == "C"
    (line,) = (await caller.get(f"/v1/leads/{answer[2]['id']}/timeline")).json()["items"]
    assert (line["what"], line["event_id"]) == ("lead.captured", answer[2]["event_id"])


async def test_a_row_twice_in_a_batch_is_in_once_and_another_of_its_name_is_refused(
    caller: Any,
) -> None:
    await imported(caller, directory())
    rows = [won_deal("1"), won_deal("1"), won_deal("1", segment="smb")]
    results = await imported(caller, rows)
    assert statuses(results) == ["created", "unchanged", "rejected"]
    assert results[2]["problem"]["code"] == "conflict"
    assert len(await caller.rows("SELECT 1 FROM deal")) == 1


async def test_a_lead_twice_in_a_batch_is_one_and_another_of_its_name_is_refused(
    caller: Any,
) -> None:
    body = {"external": external("l", "1"), "source": "web"}
    items = [body, body, body | {"source": "fair"}]
    answer = (await caller.made("/v1/leads/batch", {"items": items}))["items"]
    assert [item["status"] for item in answer] == ["created", "unchanged", "rejected"]
    assert answer[0]["id"] == answer[1]["id"]


async def test_a_command_that_we_do_not_know_refuses_its_row_with_those_that_we_know(
    caller: Any,
) -> None:
    row = {"key": "1", "commands": [{"do": "deal.explode", "external": external("d", "1")}]}
    (result,) = await imported(caller, [row])
    (error,) = result["problem"]["errors"]
    assert (result["status"], error["pointer"]) == ("rejected", "/commands/0/do")
    assert "deal.create" in error["detail"]
    assert "explode" not in repr(result)


async def test_the_same_leads_again_are_the_same_leads(caller: Any) -> None:
    items = [{"external": external("l", str(n)), "source": "web"} for n in range(3)]
    first = (await caller.made("/v1/leads/batch", {"items": items}))["items"]
    before = await caller.state()
    second = (await caller.made("/v1/leads/batch", {"items": items}))["items"]
    assert [item["status"] for item in second] == ["unchanged"] * 3
    assert [item["id"] for item in second] == [item["id"] for item in first]
    assert await caller.state() == before


async def test_a_batch_goes_when_it_is_answered_and_waits_for_no_collector(caller: Any) -> None:
    async def garbage(first: int, n: int) -> int:
        gc.collect()
        gc.disable()
        try:
            await imported(caller, [won_deal(str(first + place)) for place in range(n)])
            return gc.collect()
        finally:
            gc.enable()

    await imported(caller, directory())
    few, many = await garbage(0, 10), await garbage(10, 210)
    assert many - few < 200, f"{few} objects in cycles after 10 items, {many} after 210"
