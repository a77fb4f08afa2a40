from datetime import date
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_service.projections.facts import DealFacts
from metrics_service.projections.keys import PayKey
from metrics_service.projections.pay.lines import apportioned
from metrics_service.projections.pay.mirror import mirror, neutral_margin_rate, penalty_ratio
from metrics_service.projections.pay.statement import ComponentStatement, statement
from onefunnel.events import Event

from .telling import (
    AMY,
    BOB,
    DEAL,
    PRODUCT,
    assigned,
    created,
    of_deal,
    plan,
    quota,
    refunded,
    rules,
    told,
    won,
)

LADDER = [{"from": "0", "x": "1"}, {"from": "1", "x": "1.5"}, {"from": "1.5", "x": "2"}]
MARGINAL = {"basis": "attainment", "mode": "marginal", "table": LADDER}
WHOLE = {"basis": "attainment", "mode": "retroactive", "table": LADDER}


def statement_of(
    component: dict[str, Any], *deals: tuple[Event, ...], more: Any = ()
) -> ComponentStatement:
    definitions = rules(plan(component), assigned(), *more)
    known = [(UUID(int=n), told(DealFacts(), *events)) for n, events in enumerate(deals, start=1)]
    (one,) = statement(AMY, "2026-01", known, definitions)
    assert sum(line.amount_minor for line in one.lines) == one.total_minor
    return one


@pytest.mark.parametrize(
    ("component", "at_list", "at_a_discount"),
    [
        ({"measure": "revenue", "rate": "0.05"}, 5_000, 4_500),
        ({"measure": "margin", "rate": "0.125"}, 5_000, 3_750),
    ],
)
def test_a_discount_of_a_tenth_costs_a_margin_plan_a_quarter(
    component: dict[str, Any], at_list: int, at_a_discount: int
) -> None:
    full = won(3, {"revenue_minor": 100_000, "cost_minor": 60_000})
    less = won(3, {"revenue_minor": 90_000, "cost_minor": 60_000})
    assert statement_of(component, (full,)).total_minor == at_list
    assert statement_of(component, (less,)).total_minor == at_a_discount


def test_the_mirror_says_the_same_in_closed_form() -> None:
    (row,) = mirror(Fraction(40, 100), [Fraction(1, 10)])
    assert (row.kept_on_revenue, row.kept_on_margin) == (Fraction(9, 10), Fraction(3, 4))
    assert penalty_ratio(Fraction(40, 100)) == Fraction(5, 2)
    assert neutral_margin_rate(Fraction("0.05"), Fraction(40, 100)) == Fraction("0.125")
    assert mirror(Fraction(1, 10), [Fraction(1, 2)])[0].kept_on_margin == 0


def test_marginal_lines_telescope_in_the_order_of_booking() -> None:
    deals = [
        (won(n, {"revenue_minor": r}),)
        for n, r in [(18, 4_000_000), (4, 6_000_000), (11, 7_000_000)]
    ]
    one = statement_of(
        {"measure": "revenue", "rate": "0.05", "tiers": MARGINAL}, *deals, more=[quota(10_000_000)]
    )
    assert [line.amount_minor for line in one.lines] == [300_000, 425_000, 350_000]
    assert [(line.before_minor, line.after_minor) for line in one.lines] == [
        (0, 6_000_000),
        (6_000_000, 13_000_000),
        (13_000_000, 17_000_000),
    ]
    assert [[(tier.rate, tier.part) for tier in line.tiers] for line in one.lines] == [
        [(Fraction("0.05"), 6_000_000)],
        [(Fraction("0.05"), 4_000_000), (Fraction("0.075"), 3_000_000)],
        [(Fraction("0.075"), 2_000_000), (Fraction("0.1"), 2_000_000)],
    ]
    assert one.attainment == Fraction(17, 10)


def test_deals_of_one_day_are_told_in_the_order_of_their_ids() -> None:
    deals = [(won(4, {"revenue_minor": n}),) for n in (10, 20, 30)]
    one = statement_of({"measure": "revenue", "rate": "0.5"}, *reversed(deals))
    assert [line.deal.deal_id.int for line in one.lines] == [1, 2, 3]


def test_cumulative_rounding_never_drifts_from_the_total() -> None:
    deals = [(won(4, {"revenue_minor": 5}),) for _ in range(6)]
    one = statement_of({"measure": "revenue", "rate": "0.1"}, *deals)
    assert one.total_minor == 3
    assert [line.amount_minor for line in one.lines] == [1, 0, 1, 0, 1, 0]
    assert sum(line.rounding for line in one.lines) == 0


def test_lines_of_a_whole_base_table_are_parts_of_the_rounded_total() -> None:
    deals = [(won(n, {"revenue_minor": r}),) for n, r in [(4, 333), (5, 333), (6, 334)]]
    one = statement_of(
        {"measure": "revenue", "rate": "0.05", "tiers": WHOLE}, *deals, more=[quota(1_000)]
    )
    assert one.total_minor == 75
    assert [line.amount_minor for line in one.lines] == [25, 25, 25]
    assert {line.tiers[0].rate for line in one.lines} == {Fraction("0.075")}


def test_a_line_without_cost_is_told_with_zero_and_its_reason() -> None:
    one = statement_of({"measure": "margin", "rate": "0.2"}, (won(4, {"revenue_minor": 100}),))
    (line,) = one.lines
    assert (line.amount_minor, line.deal.reason, line.deal.uncosted_lines) == (0, "cost-unknown", 1)
    assert one.average_margin is None


def test_known_costs_still_pay_beside_an_unknown_one() -> None:
    deal_ = won(
        4, {"revenue_minor": 100}, {"revenue_minor": 500, "cost_minor": 200, "cost_assumed": True}
    )
    (line,) = statement_of({"measure": "margin", "rate": "0.5"}, (deal_,)).lines
    assert (line.amount_minor, line.deal.reason, line.deal.assumed_lines) == (
        150,
        "cost-unknown",
        1,
    )


def test_a_loss_counts_as_zero_unless_the_plan_carries_it() -> None:
    loss = won(4, {"revenue_minor": 100, "cost_minor": 300})
    gain = won(5, {"revenue_minor": 1_000, "cost_minor": 500})
    zero = statement_of({"measure": "margin", "rate": "0.5"}, (loss,), (gain,))
    assert [line.amount_minor for line in zero.lines] == [0, 250]
    assert zero.lines[0].deal.reason == "loss-counts-as-zero"
    carried = statement_of(
        {"measure": "margin", "rate": "0.5", "negative_margin": "carry"}, (loss,), (gain,)
    )
    assert [line.amount_minor for line in carried.lines] == [-100, 250]
    assert zero.average_margin == carried.average_margin == Fraction(300, 1_100)


def test_a_deal_in_another_currency_is_named_and_pays_nothing() -> None:
    one = statement_of({"measure": "revenue", "rate": "0.5"}, (won(4, currency="USD"),))
    assert (one.total_minor, one.lines[0].deal.reason) == (0, "other-currency")


def test_a_refund_takes_the_base_back_where_it_was_earned() -> None:
    one = statement_of(
        {"measure": "margin", "rate": "0.5"},
        (won(4), refunded(40, "0.25"), refunded(50, "0.25", 52)),
    )
    (line,) = one.lines
    assert (line.deal.vector.base_minor, line.deal.refunded, line.deal.reason) == (
        2_000,
        Fraction(1, 2),
        "refunded",
    )


@pytest.mark.parametrize("fractions", [("1",), ("0.75", "0.75")])
def test_what_is_wholly_refunded_pays_nothing_and_is_no_deal(fractions: tuple[str, ...]) -> None:
    back = [refunded(9, fraction, 60 + n) for n, fraction in enumerate(fractions)]
    definitions = rules(plan({"measure": "revenue", "rate": "0.1"}), assigned())
    assert not [
        key for key in of_deal(definitions, created(), won(4), *back) if type(key) is PayKey
    ]


def test_only_the_products_of_a_component_are_paid() -> None:
    deal_ = won(4, {"revenue_minor": 100, "product_id": PRODUCT}, {"revenue_minor": 900})
    component = {"measure": "revenue", "rate": "1", "products": [str(PRODUCT)]}
    assert statement_of(component, (deal_,)).total_minor == 100
    other = statement_of(component, (won(4, {"revenue_minor": 900}),))
    assert (other.total_minor, other.vector.deals) == (0, 0)


def test_only_deals_of_the_source_of_a_component_are_paid() -> None:
    component = {"measure": "revenue", "rate": "0.1", "source": "web"}
    assert statement_of(component, (created(source="web"), won(4))).total_minor == 1_000
    assert statement_of(component, (created(source="fair"), won(4))).lines == ()


def test_an_overlay_is_paid_on_top_of_the_owner() -> None:
    shared = [{"person_id": BOB}, {"person_id": AMY, "role": "overlay", "split": "0.2"}]
    component = {"measure": "revenue", "rate": "0.04", "roles": ["overlay"]}
    (line,) = statement_of(component, (won(4, credits=shared),)).lines
    assert (line.deal.vector.base_minor, line.deal.roles) == (2_000, ("overlay",))
    assert line.deal.deal_base_minor == 10_000


def test_a_component_without_a_deal_still_shows_its_quota() -> None:
    one = statement_of({"measure": "revenue", "rate": "0.05", "tiers": MARGINAL}, more=[quota(500)])
    assert (one.lines, one.total_minor, one.attainment) == ((), 0, 0)


def test_the_quota_is_prorated_by_the_days_of_the_assignment() -> None:
    definitions = rules(
        plan({"measure": "revenue", "rate": "0.1"}),
        assigned(start=date(2026, 1, 16), to=date(2026, 2, 10)),
        quota(31_000),
        quota(28_000, period="2026-02", quota_id=UUID(int=42)),
    )
    (january,) = statement(AMY, "2026-01", [], definitions)
    (february,) = statement(AMY, "2026-02", [], definitions)
    assert january.quota
    assert january.quota.amount == 16_000
    assert february.quota
    assert february.quota.amount == 10_000
    assert statement(AMY, "2026-03", [], definitions) == ()


def test_the_first_and_the_last_day_of_an_assignment_are_paid() -> None:
    span = assigned(start=date(2026, 1, 5), to=date(2026, 1, 6))
    definitions = rules(plan({"measure": "revenue", "rate": "0.1"}), span)
    for n, paid in [(3.99, False), (4, True), (5.99, True), (6, False)]:
        keys = [key for key in of_deal(definitions, created(), won(n)) if type(key) is PayKey]
        assert bool(keys) is paid


@given(
    bases=st.lists(st.integers(-1_000, 100_000), max_size=8),
    rate=st.fractions(0, 1, max_denominator=1_000),
)
def test_parts_round_to_their_rounded_sum(bases: list[int], rate: Fraction) -> None:
    exact = [rate * base for base in bases]
    total = round(sum(exact, Fraction(0)))
    amounts = apportioned(total, exact)
    assert sum(amounts) == total
    assert all(abs(amount - part) < 1 for amount, part in zip(amounts, exact, strict=True))
    assert apportioned(-total, [-part for part in exact]) == [-amount for amount in amounts]


@given(seed=st.integers(0, 10_000), tiers=st.sampled_from([None, MARGINAL, WHOLE]))
def test_lines_sum_to_the_total_whatever_was_sold(seed: int, tiers: dict[str, Any] | None) -> None:
    r = Random(seed)
    deals = []
    for _ in range(r.randrange(6)):
        line = {"revenue_minor": r.randrange(-500, 5_000), "cost_minor": r.choice([None, 700])}
        back = [refunded(9, r.choice(["0.1", "0.333"]))] if r.random() < 0.3 else []
        deals.append((won(r.randrange(31), line), *back))
    component = {
        "measure": r.choice(["revenue", "margin"]),
        "negative_margin": "carry",
        "rate": "0.077",
    }
    statement_of({**component, **({"tiers": tiers} if tiers else {})}, *deals, more=[quota(3_333)])
    assert DEAL
