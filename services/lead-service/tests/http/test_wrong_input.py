"""Wrong input gets a clear problem with its place, and changes nothing."""

import json
from typing import Any

import pytest

DEAL = {"external": {"source": "crm", "id": "d"}}


def money(amount: Any, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": {"amount_minor": amount, "currency": currency}}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/deals", {"stage": "nowhere"}, "/stage"),
        ("/v1/deals", money(10**16), "/amount/amount_minor"),
        ("/v1/deals", money(-(10**15) - 1), "/amount/amount_minor"),
        ("/v1/deals", money(-1), "/amount/amount_minor"),
        ("/v1/deals", money(12.5), "/amount/amount_minor"),
        ("/v1/deals", money(1.0), "/amount/amount_minor"),
        ("/v1/deals", money("12"), "/amount/amount_minor"),
        ("/v1/deals", money(True), "/amount/amount_minor"),
        ("/v1/deals", money(1, "usd"), "/amount/currency"),
        ("/v1/deals", money(1, "ZZZ"), "/amount/currency"),
        ("/v1/deals", money(1, "USD ") | {}, "/amount/currency"),
        ("/v1/deals", money(1) | {"currency": "USD"}, "/currency"),
        ("/v1/deals", {"created_at": "2026-11-22T09:00:00"}, "/created_at"),
        ("/v1/deals", {"created_at": 1_700_000_000}, "/created_at"),
        ("/v1/deals", {"created_at": "2026-02-30"}, "/created_at"),
        ("/v1/deals", {"created_at": "2026-11-23T09:00:00Z"}, "/created_at"),
        ("/v1/deals", {"created_at": "1989-12-31"}, "/created_at"),
        ("/v1/deals", {"id": "01a2035c-0562-7723-ad24-e7a184af4717"}, "/id"),
        ("/v1/deals", {"tenant_id": "x"}, "/tenant_id"),
        ("/v1/leads", {"source": "a\u0000b"}, None),
        ("/v1/leads", {"source": "x" * 65}, "/source"),
        ("/v1/leads", {"email": "no-at"}, "/email"),
        ("/v1/leads", {"external": {"source": "", "id": "1"}}, "/external/source"),
        ("/v1/leads", {"external": {"source": "a", "id": "a\nb"}}, "/external/id"),
        ("/v1/leads", {"attributes": {str(n): n for n in range(101)}}, "/attributes"),
        ("/v1/leads", {"attributes": {"a": [1]}}, "/attributes/a"),
        ("/v1/leads", {"attributes": {"a": 2**63}}, "/attributes/a"),
        ("/v1/leads", {"campaign": {"source": "a", "id": "b"}}, "/campaign"),
        ("/v1/people", {"name": "  ", "kind": "rep"}, "/name"),
        ("/v1/people", {"name": "x", "kind": "boss"}, "/kind"),
        ("/v1/products", {"name": "x", "list_minor": 5}, "/currency"),
        ("/v1/products", {"name": "x", "list_minor": -5, "currency": "EUR"}, "/list_minor"),
        ("/v1/campaigns", {"name": "x", "starts_on": "2026-02-01", "ends_on": "2026-01-01"}, "/ends_on"),
        ("/v1/batches", {"source": "s", "items": []}, "/items"),
        ("/v1/batches", {"source": "s", "items": [{"key": "k", "commands": []}]}, "/items/0/commands"),
        ("/v1/batches", {"source": "s", "items": [{"key": "k", "commands": [{}]}] * 501}, "/items"),
        ("/v1/leads/batch", {"items": [{}] * 501}, "/items"),
    ],
)  # fmt: skip
async def test_a_wrong_body_is_refused_with_its_place_and_changes_nothing(
    caller: Any, path: str, body: Any, pointer: str | None
) -> None:
    before = await caller.state()
    answer = await caller.post(path, body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    pointers = [error["pointer"] for error in answer.json().get("errors", [])]
    assert pointer is None or any(p.startswith(pointer) for p in pointers), answer.text
    assert await caller.state() == before


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"name":"a","name":"b"}', 400),
        (b'{"amount":NaN}', 400),
        (b'{"amount":1e999}', 400),
        (b"{", 400),
        (b"", 400),
        (b'{"name":"\\ud800"}', 400),
        (b'{"name":"' + b"x" * (1 << 20) + b'"}', 413),
        (b'{"attributes":{"a":' + b"9" * 5000 + b"}}", 400),
    ],
)
async def test_what_is_not_our_json_is_refused_and_changes_nothing(
    caller: Any, raw: bytes, status: int
) -> None:
    before = await caller.state()
    answer = await caller.send("POST", "/v1/leads", raw=raw)
    assert answer.status_code == status, answer.text
    assert await caller.state() == before


async def test_a_number_beyond_64_bits_refuses_its_row_and_no_other(caller: Any) -> None:
    items = [{"attributes": {"a": 10**30}}, {"attributes": {"a": 1}}]
    answer = await caller.send("POST", "/v1/leads/batch", raw=json.dumps({"items": items}).encode())
    assert [item["status"] for item in answer.json()["items"]] == ["rejected", "created"]


async def test_a_batch_over_five_mebibytes_is_refused(caller: Any) -> None:
    before = await caller.state()
    raw = b'{"source":"s","items":[{"key":"' + b"x" * (5 << 20) + b'"}]}'
    assert (await caller.send("POST", "/v1/batches", raw=raw)).status_code == 413
    assert await caller.state() == before


@pytest.mark.parametrize(
    ("win", "pointer"),
    [
        ({"lines": [{"id": "1", "revenue_minor": 1, "quantity": "0"}]}, "/lines/0/quantity"),
        ({"lines": [{"id": "1", "revenue_minor": 1, "quantity": "-2"}]}, "/lines/0/quantity"),
        ({"lines": [{"id": "1", "revenue_minor": 1, "quantity": "NaN"}]}, "/lines/0/quantity"),
        ({"lines": [{"id": "1", "revenue_minor": 1, "quantity": "1e3"}]}, "/lines/0/quantity"),
        ({"lines": [{"id": "1", "revenue_minor": 1, "quantity": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"id": "1", "revenue_minor": -1}]}, "/lines/0/revenue_minor"),
        ({"lines": [{"id": "1", "revenue_minor": 1, "currency": "USD"}]}, "/lines/0/currency"),
        ({"lines": [], "currency": "USD"}, "/currency"),
        (
            {"lines": [{"id": str(n), "revenue_minor": 10**15} for n in range(2)]},
            "/lines",
        ),
        ({"lines": [{"id": str(n), "revenue_minor": 1} for n in range(201)]}, "/lines"),
        ({"lines": [], "credits": []}, "/credits"),
    ],
)
async def test_a_booking_that_makes_no_sense_is_refused_with_its_place(
    caller: Any, win: Any, pointer: str
) -> None:
    person = await caller.made("/v1/people", {"name": "Rob", "kind": "rep"})
    deal = await caller.made("/v1/deals", {"owner": person["id"]})
    before = await caller.state()
    answer = await caller.post(f"/v1/deals/{deal['id']}/win", win)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await caller.state() == before


async def test_a_list_price_times_a_quantity_that_no_amount_could_hold_is_refused(
    caller: Any,
) -> None:
    price = {"name": "x", "list_minor": 10**15, "currency": "EUR"}
    product = await caller.made("/v1/products", price)
    person = await caller.made("/v1/people", {"name": "Rob", "kind": "rep"})
    deal = await caller.made("/v1/deals", {"owner": person["id"]})
    line = {"id": "1", "product": product["id"], "quantity": "2", "revenue_minor": 1}
    answer = await caller.post(f"/v1/deals/{deal['id']}/win", {"lines": [line]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/lines/0/quantity"


@pytest.mark.parametrize("splits", [["0.5", "0.4"], ["0.5", None], ["1.2", "-0.2"]])
async def test_splits_that_are_not_exactly_one_are_refused(caller: Any, splits: Any) -> None:
    people = [await caller.made("/v1/people", {"name": f"R{n}", "kind": "rep"}) for n in range(2)]
    deal = await caller.made("/v1/deals", {})
    shares = [{"person": p["id"], "split": s} for p, s in zip(people, splits, strict=True)]
    before = await caller.state()
    answer = await caller.post(f"/v1/deals/{deal['id']}/win", {"lines": [], "credits": shares})
    assert answer.status_code == 422
    assert await caller.state() == before


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=0", 422), ("limit=201", 422), ("limit=1&limit=2", 400), ("offset=1", 422), ("owner=x", 422),
     ("cursor=abc", 422), ("state=%00", 400)],
)  # fmt: skip
async def test_a_query_that_makes_no_sense_is_refused(caller: Any, query: str, status: int) -> None:
    assert (await caller.get(f"/v1/leads?{query}")).status_code == status


async def test_a_cursor_of_another_filter_is_refused(caller: Any) -> None:
    for _ in range(2):
        await caller.made("/v1/leads", {"source": "web"})
    cursor = (await caller.get("/v1/leads?limit=1&source=web")).json()["next_cursor"]
    answer = await caller.get(f"/v1/leads?limit=1&cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/cursor"
