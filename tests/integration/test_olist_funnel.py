"""Real leads and the deals among them through the whole stack: the gateway's numbers are the files'."""

import csv
import json
import statistics
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onefunnel.testing.shared_files import shared_path

pytestmark = pytest.mark.timeout(900)
MAPPING = Path(__file__).parents[2] / "docs" / "examples" / "mappings" / "olist-funnel.yaml"
WINDOW = "from=2017-01-01&to=2019-01-01"


def rows(name: str) -> list[dict[str, str]]:
    path: Path = shared_path(f"data/olist-funnel/{name}.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def leads() -> list[dict[str, str]]:
    return rows("marketing_qualified_leads")


def arguments() -> list[str]:
    folder = shared_path("data/olist-funnel")
    return [
        "import",
        "--mapping",
        str(MAPPING),
        str(folder / "closed_deals.csv"),
        *("--lookup", f"leads={folder / 'marketing_qualified_leads.csv'}"),
        "--json",
    ]


@pytest.fixture(scope="module")
def olist(new_module_stack: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    shared_path("data/olist-funnel")
    stack = new_module_stack()
    report = json.loads(stack.cli(*arguments()).stdout)
    stack.folded()
    return stack, report


@pytest.fixture(scope="module")
def stack(olist: tuple[Any, dict[str, Any]]) -> Any:
    return olist[0]


def steps(group: dict[str, Any]) -> dict[str, Any]:
    return {step["step"]: step for step in group["steps"]}


def test_a_row_gets_lost_on_the_way_in(olist: tuple[Any, dict[str, Any]]) -> None:
    created = {name: one["created"] for name, one in olist[1]["sets"].items()}
    assert created["leads"] == len(leads())
    assert created["deals"] == len(rows("closed_deals"))
    assert created["landing_pages"] == len({row["landing_page_id"] for row in leads()})
    both = {row["sdr_id"] for row in rows("closed_deals")} & {
        row["sr_id"] for row in rows("closed_deals")
    }
    reps = {row["sr_id"] for row in rows("closed_deals")}
    sets = olist[1]["sets"]["representatives"]
    assert sets["created"] == len(reps - both), "who is both is made twice"
    assert sets["unchanged"] == len(both)
    assert olist[1]["rejects"]["count"] == 0


def test_the_funnel_counts_otherwise_than_the_files(stack: Any) -> None:
    (group,) = stack.get(f"/v1/funnel?{WINDOW}")["groups"]
    found = steps(group)
    assert found["lead"]["entered"] == len(leads())
    assert found["mql"]["entered"] == len(leads())
    assert found["won"]["reached"] == len(rows("closed_deals"))


def test_an_empty_channel_passes_for_the_unknown_one(stack: Any) -> None:
    answer = stack.get(f"/v1/funnel?{WINDOW}&group_by=source")
    told = {group["key"]: steps(group) for group in answer["groups"]}
    wanted = Counter(row["origin"] for row in leads())
    assert {key: found["lead"]["entered"] for key, found in told.items()} == dict(wanted)
    assert wanted[""] > 0
    assert wanted["unknown"] > 0
    origin = {row["mql_id"]: row["origin"] for row in leads()}
    won = Counter(origin[row["mql_id"]] for row in rows("closed_deals"))
    assert {key: found["won"]["reached"] for key, found in told.items()} == {
        key: won[key] for key in wanted
    }


def test_a_deal_won_before_its_first_contact_breaks_the_numbers(stack: Any) -> None:
    first = {row["mql_id"]: row["first_contact_date"] for row in leads()}
    early = [row for row in rows("closed_deals") if row["won_date"][:10] < first[row["mql_id"]]]
    assert early, "the trap is gone from the data"
    (group,) = stack.get(f"/v1/sales-performance?{WINDOW}")["groups"]
    assert group["counts"]["won"] == len(rows("closed_deals"))
    days = [
        (date.fromisoformat(row["won_date"][:10]) - date.fromisoformat(first[row["mql_id"]])).days
        for row in rows("closed_deals")
    ]
    spread = group["cycle"]["spread"]
    known = [one for one in days if one >= 0]  # a cycle that ends before it begins is none
    assert len(known) == len(days) - len(early)
    assert (Decimal(spread["median_days"]), spread["n"]) == (statistics.median(known), len(known))
    (found,) = stack.get(f"/v1/funnel?{WINDOW}")["groups"]
    times = [step["time_in_step"]["median_days"] for step in found["steps"]]
    assert all(time is None or not time.startswith("-") for time in times)


def test_deals_without_prices_have_revenue_or_a_margin(stack: Any) -> None:
    (group,) = stack.get(f"/v1/sales-performance?{WINDOW}")["groups"]
    assert sum(one["revenue"]["amount_minor"] for one in group["amounts"]) == 0
    assert all(one["margin"]["rate"]["value"] is None for one in group["amounts"])


def test_a_win_is_the_development_representatives(stack: Any) -> None:
    answer = stack.get(f"/v1/sales-performance?{WINDOW}&group_by=person")
    told = {
        answer["names"][group["key"]]: group["counts"]["won"]
        for group in answer["groups"]
        if group["counts"]["won"]
    }
    assert told == dict(Counter(row["sr_id"] for row in rows("closed_deals")))


def test_importing_again_changes_something(stack: Any) -> None:
    again = json.loads(stack.cli(*arguments()).stdout)
    for name, one in again["sets"].items():
        assert one["created"] == one["updated"] == one["rejected"] == 0, name
