"""Explaining numbers: the list behind a number sums to the number, and the events are named."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from onefunnel.events.deal import Origin
from onefunnel.ids import new_id

from .test_funnel import TODAY
from .world import credit, days, deal, lead, line, lost, moved, person, won


async def told(metrics):
    """Tell of a year: leads that convert, deals that are won, lost, open; two regions, two currencies."""
    await metrics.begin()
    reps = [person(region=region) for region in ("north", "south")]
    events = list(reps)
    start = TODAY - days(250)
    for n in range(24):
        at, rep = start + days(7 * n), reps[n % 2]
        source = ("web", "event")[n % 2]
        key = new_id()
        acts = {"qualified": at + days(2)} if n % 3 else {}
        if n % 4 == 0:
            acts |= {"accepted": at + days(3), "converted": at + days(4)}
        events += lead(at, owner=rep.person_id, source=source, deal=key, **acts)
        if n % 4 == 0:
            steps = {"lead": at, "mql": at + days(2), "sal": at + days(3), "sql": at + days(4)}
            origin = Origin(lead_id=new_id(), source=source, steps=steps)
            made = deal(
                at + days(5),
                key=key,
                owner=rep.person_id,
                amount=1_000,
                source=source,
                origin=origin,
            )
            events.append(made)
            if n % 8 == 0:
                shares = (credit(rep.person_id),)
                currency = "EUR" if n == 8 else "USD"
                events += [
                    moved(made, "proposal", at + days(12)),
                    won(made, at + days(30), line(900, 500), credited=shares, currency=currency),
                ]
            elif n % 12 == 0:
                events.append(lost(made, at + days(20)))
    await metrics.tell(*events)
    return reps


def links(answer):
    """Yield (path of the number, number, link) for everything in an answer that can be explained."""
    for group in answer["groups"]:
        for step in group.get("steps", ()):
            for name, link in step["explain"].items():
                number = step["open_now"]["count"] if name == "open_now" else step[name]
                yield f"{group['key']}/{step['step']}/{name}", number, link
            if step["conversion"] and answer["method"] == "cohort":
                yield (
                    f"{group['key']}/{step['step']}/conversion",
                    step["conversion"]["numerator"],
                    step["conversion"]["explain"],
                )
        if "counts" in group:
            for name, link in group["explain"].items():
                number = group["counts"]["opened" if name == "created" else name]
                yield f"{group['key']}/{name}", number, link
            for amounts in group["amounts"]:
                link = amounts["explain"]["revenue_minor"]
                yield f"{group['key']}/revenue", amounts["revenue"]["amount_minor"], link


async def follow(metrics, link, **more):
    url = urlsplit(link)
    return await metrics.get(url.path, **dict(parse_qsl(url.query, keep_blank_values=True)), **more)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/funnel", {}),
        ("/v1/funnel", {"group_by": "source"}),
        ("/v1/funnel", {"group_by": "region"}),
        ("/v1/funnel", {"method": "snapshot"}),
        ("/v1/sales-performance", {"group_by": "person"}),
        ("/v1/sales-performance", {"region": "north"}),
    ],
)
async def test_the_list_behind_every_number_sums_to_it(metrics, path, params):
    await told(metrics)
    answer = await metrics.get(path, **params)

    seen = 0
    for name, number, link in links(answer):
        found = await follow(metrics, link, limit=200)
        assert found["value"] == number, name
        assert sum(item["contribution"] for item in found["items"]) == number, name
        assert found["equal"] in (True, None), name
        seen += found["equal"] is True
    assert seen


async def test_an_explanation_names_the_events_and_the_rules(metrics):
    await told(metrics)

    found = await metrics.get("/v1/explain", metric="sales.won")

    assert found["items"]
    for item in found["items"]:
        types = [event["type"] for event in item["events"]]
        assert "onefunnel.deal.won.v1" in types
        assert item["drill"] == f"/v1/deals/{item['id']}"
    assert found["definitions"]["explain"] == "explain v1"


async def test_pages_of_an_explanation_are_the_whole_of_it(metrics):
    await told(metrics)
    whole = await metrics.get("/v1/explain", metric="funnel.entered", step="lead", limit=200)

    items, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = await metrics.get(
            "/v1/explain", metric="funnel.entered", step="lead", limit=5, **more
        )
        assert page["value"] == whole["value"]
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert items == whole["items"]


async def test_an_explanation_of_years_is_too_wide(metrics):
    await metrics.begin()

    problem = await metrics.get(
        "/v1/explain",
        status=422,
        metric="sales.won",
        **{"from": "2020-01-01", "to": "2026-01-01"},
    )

    assert problem["code"] == "too-wide"


@pytest.mark.parametrize(
    "params",
    [
        {"metric": "sales.everything"},
        {"metric": "funnel.entered"},
        {"metric": "funnel.entered", "step": "nowhere"},
        {"metric": "sales.revenue_minor"},
    ],
)
async def test_what_is_no_number_cannot_be_explained(metrics, params):
    await metrics.begin()

    await metrics.get("/v1/explain", status=422, **params)
