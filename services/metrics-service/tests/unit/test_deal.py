from datetime import date
from typing import Any
from uuid import UUID

import pytest

from metrics_service.projections.columns import deal_columns, deal_credits
from metrics_service.projections.facts import DealFacts
from metrics_service.projections.keys import (
    CYCLE,
    DurationKey,
    FunnelKey,
    FunnelVector,
    PipelineKey,
    PipelineVector,
    SalesKey,
    SalesVector,
)
from onefunnel.events import Event, deal

from .telling import (
    AMY,
    BOB,
    LEAD,
    OTHER_PRODUCT,
    PRODUCT,
    cancelled,
    created,
    day,
    lost,
    moved,
    of_deal,
    overall,
    refunded,
    reopened,
    rules,
    told,
    won,
)

RULES = rules()
EUR_500 = {"amount_minor": 500, "currency": "EUR"}


def steps(*events: Event) -> dict[Any, FunnelVector]:
    return overall(of_deal(RULES, *events), FunnelKey)


def sales(*events: Event) -> dict[Any, SalesVector]:
    return overall(of_deal(RULES, *events), SalesKey)


def stays(*events: Event) -> dict[tuple[str, int], int]:
    visits = overall(of_deal(RULES, *events), DurationKey)
    return {(step, days): vector.visits for (step, _on, days), vector in visits.items()}


def test_an_open_deal_stands_in_its_present_step_with_its_amount() -> None:
    found = overall(of_deal(RULES, created(0, amount=EUR_500), moved(3, "proposal")), PipelineKey)
    assert found == {("EUR", "proposal"): PipelineVector(1, 500)}


def test_a_deal_enters_at_the_first_deal_step_and_implies_no_lead_steps() -> None:
    found = steps(created(0, stage="proposal"))
    assert {step for _currency, _day, step in found} == {"discovery", "evaluation", "proposal"}
    assert found["", date(2026, 1, 1), "discovery"].imputed == 1
    assert found["", date(2026, 1, 1), "proposal"] == FunnelVector(entered=1, reached=1)


def test_a_step_entered_only_on_the_way_back_was_reached_before() -> None:
    found = steps(created(0, stage="proposal"), moved(9, "discovery"))
    assert ("", date(2026, 1, 10), "discovery") not in found
    assert found["", date(2026, 1, 1), "discovery"].imputed == 1


def test_a_step_is_entered_once_however_often_it_is_visited() -> None:
    story = [created(0), moved(1, "evaluation"), moved(2, "discovery"), moved(4, "evaluation")]
    assert steps(*story)["", date(2026, 1, 2), "evaluation"].entered == 1
    assert stays(*story, lost(9)) == {
        ("discovery", 1): 1,
        ("evaluation", 1): 1,
        ("discovery", 2): 1,
        ("evaluation", 5): 1,
    }


def test_a_deal_without_any_date_is_in_the_snapshot_and_in_no_cohort() -> None:
    found = of_deal(RULES, created(None, amount=EUR_500))
    assert {type(key) for key in found} == {PipelineKey}
    assert overall(found, PipelineKey) == {("EUR", "discovery"): PipelineVector(1, 500)}


def test_a_won_deal_whose_creation_has_no_date_is_sold_without_a_cycle() -> None:
    found = sales(created(None), won(9))
    assert found == {
        ("EUR", date(2026, 1, 10)): SalesVector(
            won=1, revenue_minor=10_000, cost_minor=6_000, costed_revenue_minor=10_000
        )
    }


def test_a_corrected_move_is_as_if_it_had_never_been() -> None:
    story = [created(0), moved(5, "negotiation"), moved(3, "evaluation", corrects=2)]
    assert steps(*story)["", date(2026, 1, 4), "evaluation"].imputed == 0
    assert not any(step == "negotiation" for _currency, _day, step in steps(*story))
    again = [*story, moved(2, "evaluation", corrects=3)]
    assert ("", date(2026, 1, 3), "evaluation") in steps(*again)


def test_a_won_deal_enters_won_on_its_booking_day_with_its_revenue() -> None:
    found = steps(created(0, amount=EUR_500), won(9))
    assert found["EUR", date(2026, 1, 10), "won"] == FunnelVector(entered=1, amount_minor=10_000)
    assert found["EUR", date(2026, 1, 1), "won"] == FunnelVector(
        reached=1, reached_amount_minor=10_000
    )


@pytest.mark.parametrize(
    ("outcome", "field"),
    [
        ("lost_to_competitor", "lost"),
        ("unspecified", "lost"),
        ("status_quo", "no_decision"),
        ("ghosted", "no_decision"),
        ("disqualified", "disqualified"),
    ],
)
def test_an_ended_deal_is_lost_undecided_or_disqualified(outcome: str, field: str) -> None:
    found = sales(created(0, amount=EUR_500), lost(9, outcome))
    assert found["EUR", date(2026, 1, 10)] == SalesVector(**{field: 1, f"{field}_minor": 500})
    columns = deal_columns(told(DealFacts(), created(0), lost(9, outcome)), RULES)
    assert columns.state == field


def test_a_cancelled_deal_was_never_won_and_is_over() -> None:
    story = [created(0), won(9), cancelled(20)]
    found = of_deal(RULES, *story)
    assert list(overall(found, SalesKey)) == [("", date(2026, 1, 1))]
    assert overall(found, PipelineKey) == {}
    assert steps(*story)["", date(2026, 1, 1), "discovery"].lost == 1
    assert deal_credits(told(DealFacts(), *story), RULES) == []


def test_a_reopened_deal_is_open_in_its_last_step() -> None:
    story = [created(0), moved(2, "proposal"), lost(4), reopened(10)]
    assert overall(of_deal(RULES, *story), PipelineKey) == {("", "proposal"): PipelineVector(1, 0)}
    assert stays(*story, won(13)) == {
        ("discovery", 2): 1,
        ("proposal", 2): 1,
        ("proposal", 3): 1,
        (CYCLE, 13): 1,
    }


def test_a_stale_booking_does_not_undo_a_cancellation() -> None:
    story = [created(0), won(9, version=2), cancelled(20), won(9)]
    assert not any(vector.won for vector in sales(*story).values())


def test_a_correction_moves_the_booking_and_ends_the_stay_on_its_day() -> None:
    story = [created(0), won(9), won(5, version=2)]
    assert stays(*story) == {("discovery", 5): 1, (CYCLE, 5): 1}
    later = [created(0), won(5), won(9, version=2)]
    assert stays(*later) == {("discovery", 9): 1, (CYCLE, 9): 1}


def test_a_booking_before_the_creation_has_no_cycle() -> None:
    assert not any(vector.cycles for vector in sales(created(9), won(5)).values())


def test_the_cycle_counts_calendar_days_across_a_change_of_the_clock() -> None:
    berlin = rules(zone="Europe/Berlin")
    found = of_deal(berlin, created(79 + 22.5 / 24), won(89 + 22.5 / 24))
    assert sum(vector.cycle_days for vector in overall(found, SalesKey).values()) == 10 + 1


def test_sums_tell_list_cost_and_what_is_unknown_or_assumed() -> None:
    lines = (
        {"revenue_minor": 900, "list_minor": 1_000, "cost_minor": 500},
        {"revenue_minor": 100, "cost_minor": 60, "cost_assumed": True},
        {"revenue_minor": 50, "list_minor": 80},
    )
    found = sales(created(9), won(9, *lines), refunded(20, "0.1"))["EUR", date(2026, 1, 10)]
    assert found == SalesVector(
        created=1,
        created_minor=1_050,
        won=1,
        revenue_minor=1_050,
        refunded_minor=105,
        list_minor=1_080,
        listed_revenue_minor=950,
        cost_minor=560,
        costed_revenue_minor=1_000,
        uncosted_lines=1,
        assumed_lines=1,
        assumed_cost_minor=60,
        cycles=1,
    )


@pytest.mark.parametrize(("fraction", "back"), [("0.5", 2), ("0.4", 2), ("1", 5)])
def test_what_is_kept_after_a_refund_is_rounded_once(fraction: str, back: int) -> None:
    found = sales(created(None), won(9, {"revenue_minor": 5}), refunded(20, fraction))
    assert found["EUR", date(2026, 1, 10)].refunded_minor == back


def test_no_move_enters_won_only_a_booking_does() -> None:
    assert ("", date(2026, 1, 4), "won") not in steps(created(0), moved(3, "won"))


def test_under_a_product_only_the_lines_of_that_product_count() -> None:
    lines = (
        {"revenue_minor": 900, "product_id": PRODUCT},
        {"revenue_minor": 100},
        {"revenue_minor": 70, "product_id": PRODUCT},
    )
    found = of_deal(RULES, created(None, product_id=OTHER_PRODUCT), won(9, *lines))
    by_product = {
        key.value: (vector.won, vector.revenue_minor)
        for key, vector in found.items()
        if type(key) is SalesKey and key.dim == "product"
    }
    assert by_product == {str(PRODUCT): (1, 970), str(OTHER_PRODUCT): (1, 100)}


def test_a_deal_of_a_lead_counts_reach_where_the_journey_began() -> None:
    origin = deal.Origin(
        lead_id=LEAD, source="web", steps={"lead": day(0), "mql": day(3), "sql": day(20)}
    )
    found = of_deal(RULES, created(40, owner_id=BOB, source="fair", origin=origin))
    reached = {
        (key.dim, key.value, key.step): vector
        for key, vector in found.items()
        if type(key) is FunnelKey and key.entered_on == date(2026, 1, 1)
    }
    assert reached["source", "web", "discovery"] == FunnelVector(reached=1)
    assert reached["owner", str(BOB), "discovery"] == FunnelVector(reached=1)
    assert ("source", "fair", "discovery") not in reached
    assert found[
        FunnelKey("default", 1, "source", "fair", "", date(2026, 2, 10), "discovery")
    ] == FunnelVector(entered=1)


@pytest.mark.parametrize(("n", "within"), [(50, 1), (50.5, 0)])
def test_the_deal_converts_the_last_step_of_its_lead(n: float, within: int) -> None:
    origin = deal.Origin(lead_id=LEAD, steps={"lead": day(0), "sql": day(20)})
    found = steps(created(n, amount=EUR_500, origin=origin))
    assert found["", date(2026, 1, 21), "sql"] == FunnelVector(converted=within, converted_ever=1)


def test_the_journey_stays_with_the_owner_that_the_lead_had() -> None:
    origin = deal.Origin(lead_id=LEAD, owner_id=AMY, steps={"lead": day(0)})
    found = of_deal(RULES, created(40, owner_id=BOB, origin=origin))
    owners = {
        (key.value, vector.entered, vector.reached)
        for key, vector in found.items()
        if type(key) is FunnelKey and key.dim == "owner"
    }
    assert owners == {(str(AMY), 0, 1), (str(BOB), 1, 0)}


def test_a_deal_has_the_source_of_its_lead_unless_it_has_its_own() -> None:
    origin = deal.Origin(lead_id=LEAD, source="web", segment="smb")
    columns = deal_columns(told(DealFacts(), created(0, source="fair", origin=origin)), RULES)
    assert (columns.source, columns.segment, columns.lead_id) == ("fair", "smb", LEAD)


def test_columns_show_a_won_deal() -> None:
    facts = told(DealFacts(), created(0, owner_id=AMY, account_id=UUID(int=8)), won(9))
    columns = deal_columns(facts, RULES)
    assert (columns.state, columns.amount_minor, columns.margin_minor) == ("won", 10_000, 4_000)
    assert (columns.created_on, columns.closed_on) == (date(2026, 1, 1), date(2026, 1, 10))
    assert deal_credits(facts, RULES) == [(AMY, date(2026, 1, 10))]


def test_a_step_that_the_funnel_does_not_know_is_in_the_snapshot_only() -> None:
    found = of_deal(RULES, created(0, stage="paused"))
    assert overall(found, FunnelKey) == {}
    assert overall(found, PipelineKey) == {("", "paused"): PipelineVector(1, 0)}
