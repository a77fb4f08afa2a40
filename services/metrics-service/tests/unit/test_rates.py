from fractions import Fraction
from typing import Any

import pytest

from metrics_service.projections.keys import PayVector
from metrics_service.projections.pay.plan import CompiledComponent
from metrics_service.projections.pay.rates import Part, QuotaShare, attainment, parts, payout

from .telling import PLAN, plan, rules

GROSS_PROFIT = [("0", "0.02"), ("20000", "0.03"), ("50000", "0.04"), ("100000", "0.055")]
ACCELERATOR = [("0", "0.09"), ("1", "0.135"), ("1.25", "0.18")]


def component(rows: Any, basis: str, mode: str = "retroactive", **fields: Any) -> CompiledComponent:
    table = [{"from": bound, "rate": rate} for bound, rate in rows]
    tiers = {"basis": basis, "mode": mode, "table": table}
    definition = {"measure": "revenue", "tiers": tiers, **fields}
    return rules(plan(definition)).plans[PLAN].components[0]


def test_bands_of_gross_profit_pay_44_marginal_and_66_on_the_whole_base() -> None:
    vector = PayVector(base_minor=120_000)
    marginal = component(GROSS_PROFIT, "amount", "marginal")
    whole = component(GROSS_PROFIT, "amount", "retroactive")
    assert payout(marginal, vector, None) == 4_400
    assert payout(whole, vector, None) == 6_600


@pytest.mark.parametrize(("sold", "pay"), [(108_000_000, 10_530_000), (126_000_000, 13_567_500)])
def test_an_accelerator_pays_more_above_quota(sold: int, pay: int) -> None:
    accelerator = component(ACCELERATOR, "attainment", "marginal")
    quota = QuotaShare(Fraction(90_000_000), counts=False)
    assert payout(accelerator, PayVector(base_minor=sold), quota) == pay


@pytest.mark.parametrize(("base", "rate"), [(99_999, "0.05"), (100_000, "0.08"), (100_001, "0.08")])
def test_reaching_the_bound_is_enough(base: int, rate: str) -> None:
    cliff = component([("0", "0.05"), ("1", "0.08")], "attainment")
    quota = QuotaShare(Fraction(100_000), counts=False)
    assert payout(cliff, PayVector(base_minor=base), quota) == base * Fraction(rate)


def test_the_bound_is_compared_exactly_however_the_quota_is_prorated() -> None:
    cliff = component([("0", "0"), ("1", "0.08")], "attainment")
    quota = QuotaShare(Fraction(100_000 * 15, 31), counts=False)
    assert payout(cliff, PayVector(base_minor=48_387), quota) == 0
    assert payout(cliff, PayVector(base_minor=48_388), quota) > 0


def test_average_margin_is_the_ratio_of_sums() -> None:
    table = component([("-9", "0.03"), ("0.25", "0.06"), ("0.35", "0.09")], "avg_margin_pct")
    sold = PayVector(base_minor=10_000_000, revenue_minor=10_000_000, margin_minor=2_400_000)
    assert payout(table, sold, None) == 300_000


def test_without_any_known_cost_the_first_row_holds() -> None:
    table = component([("-9", "0.03"), ("0", "0.06")], "avg_margin_pct")
    assert payout(table, PayVector(base_minor=1_000), None) == 30


@pytest.mark.parametrize("quota", [None, QuotaShare(Fraction(0), counts=False)])
@pytest.mark.parametrize("mode", ["marginal", "retroactive"])
def test_without_a_quota_the_first_row_holds(quota: QuotaShare | None, mode: str) -> None:
    table = component([("0", "0.05"), ("1", "0.08")], "attainment", mode)
    vector = PayVector(base_minor=1_000_000)
    assert payout(table, vector, quota) == 50_000
    assert attainment(vector, quota) is None


def test_a_quota_of_deals_is_attained_by_deals() -> None:
    table = component([("0", "0.05"), ("1", "0.08")], "attainment")
    quota = QuotaShare(Fraction(3), counts=True)
    assert payout(table, PayVector(base_minor=100, deals=2), quota) == 5
    assert payout(table, PayVector(base_minor=100, deals=3), quota) == 8


@pytest.mark.parametrize("mode", ["marginal", "retroactive"])
def test_a_negative_base_is_taken_back_at_the_first_rate(mode: str) -> None:
    table = component([("0", "0.05"), ("100", "0.08")], "amount", mode)
    assert payout(table, PayVector(base_minor=-1_000), None) == -50


def test_the_parts_of_a_marginal_table_tile_the_base() -> None:
    table = component([("-5", "0.01"), ("0", "0.02"), ("100", "0.03")], "amount", "marginal")
    assert parts(table, PayVector(base_minor=150), None) == (
        Part(Fraction(0), Fraction("0.02"), Fraction(100)),
        Part(Fraction(100), Fraction("0.03"), Fraction(50)),
    )


def test_multipliers_multiply_the_rate_of_the_component() -> None:
    tiers = {"basis": "count", "mode": "retroactive", "table": [{"from": "0", "x": "1.5"}]}
    one = rules(plan({"measure": "revenue", "rate": "0.08", "tiers": tiers})).plans[PLAN]
    assert payout(one.components[0], PayVector(base_minor=100), None) == 12
