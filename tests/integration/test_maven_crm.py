"""A real CRM export through the whole stack: the gateway's numbers are those of the file."""

import csv
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onefunnel.testing.shared_files import shared_path

pytestmark = pytest.mark.timeout(900)
MAPPING = Path(__file__).parents[2] / "docs" / "examples" / "mappings" / "maven-crm.yaml"
WINDOW = "from=2016-01-01&to=2018-01-01"
ALIASES = {"GTXPro": "GTX Pro"}
FACTOR = Decimal("0.6")


def rows(name: str) -> list[dict[str, str]]:
    path: Path = shared_path(f"data/maven-crm/{name}.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def arguments() -> list[str]:
    folder = shared_path("data/maven-crm")
    return [
        "import",
        "--mapping",
        str(MAPPING),
        str(folder / "sales_pipeline.csv"),
        *("--lookup", f"teams={folder / 'sales_teams.csv'}"),
        *("--lookup", f"accounts={folder / 'accounts.csv'}"),
        *("--lookup", f"products={folder / 'products.csv'}"),
        "--json",
    ]


@pytest.fixture(scope="module")
def crm(new_module_stack: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    shared_path("data/maven-crm")
    stack = new_module_stack()
    first = json.loads(stack.cli(*arguments()).stdout)
    stack.folded()
    return stack, first


@pytest.fixture(scope="module")
def stack(crm: tuple[Any, dict[str, Any]]) -> Any:
    return crm[0]


def sales(stack: Any, query: str = "") -> Any:
    return stack.get(f"/v1/sales-performance?{WINDOW}{query}")


def amounts(group: dict[str, Any]) -> dict[str, Any]:
    (found,) = group["amounts"]
    assert found["currency"] == "USD"
    return dict(found)


def won() -> list[dict[str, str]]:
    return [row for row in rows("sales_pipeline") if row["deal_stage"] == "Won"]


def list_price(row: dict[str, str]) -> int:
    prices = {one["product"]: int(one["sales_price"]) for one in rows("products")}
    return prices[ALIASES.get(row["product"], row["product"])]


def test_a_row_gets_lost_on_the_way_in(crm: tuple[Any, dict[str, Any]]) -> None:
    report = crm[1]["sets"]
    assert {name: one["created"] for name, one in report.items()} == {
        "managers": len({row["manager"] for row in rows("sales_teams")}),
        "agents": len(rows("sales_teams")),
        "accounts": len(rows("accounts")),
        "products": len(rows("products")),
        "deals": len(rows("sales_pipeline")),
    }
    assert crm[1]["rejects"]["count"] == 0
    assert crm[1]["unmatched"] == []


def test_the_gateway_counts_otherwise_than_the_file(stack: Any) -> None:
    (group,) = sales(stack)["groups"]
    stages = Counter(row["deal_stage"] for row in rows("sales_pipeline"))
    counts = group["counts"]
    assert counts["won"] == stages["Won"]
    assert counts["lost"] == stages["Lost"]
    assert counts["open_now"] == stages["Engaging"] + stages["Prospecting"]
    assert counts["opened"] == sum(bool(row["engage_date"]) for row in rows("sales_pipeline"))
    rate = Decimal(stages["Won"]) / (stages["Won"] + stages["Lost"])
    assert Decimal(group["win_rate"]["value"]) == round(rate, 6)


def test_revenue_or_list_value_differs_by_a_cent(stack: Any) -> None:
    money = amounts(sales(stack)["groups"][0])
    revenue = sum(int(row["close_value"]) for row in won()) * 100
    listed = sum(list_price(row) for row in won()) * 100
    assert money["revenue"]["amount_minor"] == revenue
    assert money["discount"]["list_value"]["amount_minor"] == listed
    assert money["discount"]["amount"]["amount_minor"] == listed - revenue


def test_an_assumed_cost_passes_for_a_known_one(stack: Any) -> None:
    margin = amounts(sales(stack)["groups"][0])["margin"]
    cost = sum(int(list_price(row) * 100 * FACTOR) for row in won())
    assert margin["cost"]["amount_minor"] == cost
    assert margin["assumed"]["assumed"] is True
    assert margin["assumed"]["n"] == len(won())
    assert margin["assumed"]["amount"]["amount_minor"] == cost
    assert margin["uncosted_lines"] == 0


def test_the_median_cycle_is_not_that_of_the_file(stack: Any) -> None:
    cycle = sales(stack)["groups"][0]["cycle"]
    days = [
        (date.fromisoformat(row["close_date"]) - date.fromisoformat(row["engage_date"])).days
        for row in won()
    ]
    assert Decimal(cycle["spread"]["median_days"]) == statistics.median(days)
    assert cycle["mean_days"]["numerator"] == sum(days)


def test_agents_without_a_deal_vanish(stack: Any) -> None:
    answer = sales(stack, "&group_by=person")
    won_by: dict[str, int] = defaultdict(int)
    for row in won():
        won_by[row["sales_agent"]] += int(row["close_value"])
    told = {answer["names"][group["key"]]: group for group in answer["groups"] if group["key"]}
    for agent in (row["sales_agent"] for row in rows("sales_teams")):
        revenue = sum(one["revenue"]["amount_minor"] for one in told[agent]["amounts"])
        assert revenue == won_by[agent] * 100, agent
    busy = {row["sales_agent"] for row in rows("sales_pipeline")}
    idle = {row["sales_agent"] for row in rows("sales_teams")} - busy
    assert len(idle) == 5
    assert all(told[agent]["counts"]["won"] == 0 for agent in idle)


@pytest.mark.parametrize(
    ("dimension", "column"), [("manager", "manager"), ("region", "regional_office")]
)
def test_teams_are_summed_from_other_people(stack: Any, dimension: str, column: str) -> None:
    answer = sales(stack, f"&group_by={dimension}")
    place = {row["sales_agent"]: row[column] for row in rows("sales_teams")}
    wanted = Counter(place[row["sales_agent"]] for row in won())
    told = {
        answer["names"].get(group["key"], group["key"]): group["counts"]["won"]
        for group in answer["groups"]
        if group["counts"]["won"]
    }
    assert told == dict(wanted)


def test_a_product_written_otherwise_loses_its_deals(stack: Any) -> None:
    answer = sales(stack, "&group_by=product")
    wanted = Counter(ALIASES.get(row["product"], row["product"]) for row in won())
    told = {answer["names"][g["key"]]: g["counts"]["won"] for g in answer["groups"] if g["key"]}
    assert told == dict(wanted)


def test_open_deals_without_account_or_date_are_left_out(stack: Any) -> None:
    answer = stack.get(f"/v1/funnel?{WINDOW}")
    steps = {step["step"]: step for step in answer["groups"][0]["steps"]}
    stages = Counter(row["deal_stage"] for row in rows("sales_pipeline"))
    assert steps["discovery"]["open_now"]["count"] == stages["Prospecting"]
    assert steps["evaluation"]["open_now"]["count"] == stages["Engaging"]
    entered = steps["discovery"]["entered"] - steps["discovery"]["imputed"]
    assert entered == 0, "a deal without a date is in a cohort"
    dated = sum(bool(row["engage_date"]) for row in rows("sales_pipeline"))
    assert steps["evaluation"]["entered"] == dated
    assert steps["won"]["reached"] == stages["Won"]


def test_importing_again_changes_something(crm: tuple[Any, dict[str, Any]]) -> None:
    stack, first = crm
    before = sales(stack)["groups"]
    again = json.loads(stack.cli(*arguments()).stdout)
    for name, one in again["sets"].items():
        assert one["unchanged"] == first["sets"][name]["created"], name
        assert one["created"] == one["updated"] == one["rejected"] == 0, name
    stack.folded()
    assert sales(stack)["groups"] == before


def test_without_the_alias_deals_are_imported_silently_without_product(
    stack: Any, tmp_path: Path, run_tool: Any
) -> None:
    bare = tmp_path / "bare.yaml"
    bare.write_text(MAPPING.read_text().replace("    GTXPro: GTX Pro", "    nothing: NOTHING"))
    given = [str(bare) if one == str(MAPPING) else one for one in arguments()]
    done = run_tool(*given, "--data", str(stack.data))
    missing = sum(row["product"] == "GTXPro" for row in rows("sales_pipeline"))
    assert done.returncode == 1
    assert f'deals: column "product" = "GTXPro" is not in products: {missing:,} rows' in done.stderr
    assert "nothing was written" in done.stderr
    dry = run_tool(*given, "--dry-run", cwd=tmp_path)
    unmatched = json.loads(dry.stdout)["unmatched"]
    won_of_it = sum(row["product"] == "GTXPro" for row in won())
    counted = [(one["column"], one["value"], one["rows"]) for one in unmatched]
    assert counted == [("product", "GTXPro", missing), ("product", "GTXPro", won_of_it)]
