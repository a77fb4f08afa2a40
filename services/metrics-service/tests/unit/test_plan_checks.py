from typing import Any

import pytest

from metrics_service.projections.plan_checks import check_plan
from onefunnel.errors import DomainError

from .telling import plan

ROWS = [{"from": "0", "rate": "0.05"}, {"from": "1", "rate": "0.08"}]


def tiers(rows: Any = ROWS, basis: str = "attainment", mode: str = "marginal") -> dict[str, Any]:
    return {"measure": "margin", "tiers": {"basis": basis, "mode": mode, "table": rows}}


@pytest.mark.parametrize(
    ("components", "pointer"),
    [
        ([{"measure": "margin"}], "/components/0"),
        ([{"measure": "margin", "rate": "-0.1"}], "/components/0/rate"),
        ([{"measure": "margin", "rate": "0.1", "roles": []}], "/components/0/roles"),
        ([{"measure": "margin", "rate": "0.1", "products": []}], "/components/0/products"),
        ([{"measure": "margin", "rate": "0.1", "id": "c"}] * 2, "/components/1/id"),
        ([{"measure": "margin", "rate": "0.1", "id": "adjustment"}], "/components/0/id"),
        ([tiers([{"from": "0.1", "rate": "0.1"}])], "/components/0/tiers/table/0/from"),
        ([tiers([*ROWS, {"from": "1", "rate": "1"}])], "/components/0/tiers/table/2/from"),
        ([tiers([{"from": "0"}])], "/components/0/tiers/table/0"),
        ([tiers([{"from": "0", "rate": "0.1", "x": "1"}])], "/components/0/tiers/table/0"),
        ([tiers([{"from": "0", "x": "1"}])], "/components/0/tiers/table/0/x"),
        ([tiers([{"from": "0", "rate": "-1"}])], "/components/0/tiers/table/0/rate"),
        ([{"measure": "margin", "rate": "10.01"}], "/components/0/rate"),
        ([tiers([{"from": "0", "x": "101"}]) | {"rate": "0.1"}], "/components/0/tiers/table/0/x"),
        ([tiers(basis="avg_margin_pct")], "/components/0/tiers/mode"),
        ([tiers(basis="count")], "/components/0/tiers/mode"),
    ],
)
def test_a_plan_that_can_never_be_right_is_refused_at_its_place(
    components: list[dict[str, Any]], pointer: str
) -> None:
    with pytest.raises(DomainError) as refused:
        check_plan(plan(*components).plan)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    "component",
    [
        {"measure": "margin", "rate": "0.2"},
        tiers(),
        tiers([{"from": "-9", "rate": "0.03"}, {"from": "0.25", "rate": "0.03"}], "avg_margin_pct", "retroactive"),
        {**tiers([{"from": "0", "x": "1"}, {"from": "1", "x": "2"}]), "rate": "0.1"},
    ],
)  # fmt: skip
def test_a_sound_plan_raises_no_question(component: dict[str, Any]) -> None:
    assert check_plan(plan(component).plan) == []


def test_a_plan_on_revenue_alone_is_shown_what_a_discount_costs() -> None:
    (question,) = check_plan(plan({"measure": "revenue", "rate": "0.08"}).plan)
    assert "a discount of 10 % costs the payee 10 % and the company 25 % of the margin" in question
    by_margin = tiers(ROWS, "avg_margin_pct", "retroactive") | {"measure": "revenue"}
    assert not any("discount" in question for question in check_plan(plan(by_margin).plan))


def test_a_cliff_is_named_with_its_height() -> None:
    (question,) = check_plan(plan(tiers(mode="retroactive")).plan)
    assert (
        question
        == "c0: reaching 1 changes the pay of the whole period at once, by 3 % of its base."
    )


def test_a_rate_above_the_whole_base_and_an_unused_rate_are_questioned() -> None:
    questions = check_plan(
        plan({"measure": "margin", "rate": "1.5"}, tiers() | {"rate": "0.1"}).plan
    )
    assert questions == [
        "c0 pays more than 100 % of its base in some row.",
        "c1 has a rate that its table never uses.",
    ]
