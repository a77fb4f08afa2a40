"""The path of one lead to a won deal."""

from typing import Any


async def test_a_lead_becomes_a_deal_that_is_won(caller: Any) -> None:
    boss = await caller.made("/v1/people", {"name": "Ada", "kind": "manager"})
    rep = await caller.made(
        "/v1/people",
        {
            "name": "Rob",
            "kind": "rep",
            "memberships": [{"manager": boss["id"], "team": "north", "region": "EU"}],
        },
    )
    product = await caller.made(
        "/v1/products", {"name": "GTX", "list_minor": 55_000, "currency": "EUR"}
    )
    lead = await caller.made(
        "/v1/leads", {"name": "Eve Example", "email": "eve@example.org", "source": "web"}
    )
    await caller.made(f"/v1/leads/{lead['id']}/assign", {"owner": rep["id"]})
    await caller.made(f"/v1/leads/{lead['id']}/accept", {})
    deal = await caller.made(
        f"/v1/leads/{lead['id']}/convert",
        {"deal": {"amount": {"amount_minor": 100_000, "currency": "EUR"}}},
    )
    assert deal["origin"]["steps"].keys() == {"lead", "sal", "sql"}
    assert deal["source"] == "web"
    assert deal["owner_id"] == rep["id"]
    moved = await caller.made(f"/v1/deals/{deal['id']}/stage", {"stage": "negotiation"})
    assert moved["stage"] == "negotiation"
    won = await caller.made(
        f"/v1/deals/{deal['id']}/win",
        {
            "lines": [
                {
                    "id": "a",
                    "product": product["id"],
                    "quantity": "2",
                    "revenue_minor": 100_000,
                    "cost_minor": 60_000,
                }
            ],
            "credits": [{"person": rep["id"]}],
        },
    )
    assert won["state"] == "won"
    assert won["booking"]["lines"][0]["list_minor"] == 110_000
    read = await caller.get(f"/v1/deals/{deal['id']}")
    assert read.json() == won
    assert read.headers["etag"] == '"3"'
    assert await caller.types() == [
        "tenant.changed", "funnel.activated", "person.changed", "person.changed", "product.changed",
        "lead.captured", "lead.assigned", "lead.accepted", "lead.converted", "deal.created",
        "deal.stage_changed", "deal.won",
    ]  # fmt: skip
    timeline = (await caller.get(f"/v1/leads/{lead['id']}/timeline")).json()["items"]
    assert [(t["what"], t["from"], t["to"]) for t in timeline] == [
        ("lead.converted", "accepted", "converted"),
        ("lead.accepted", "assigned", "accepted"),
        ("lead.assigned", "captured", "assigned"),
        ("lead.captured", None, "captured"),
    ]
