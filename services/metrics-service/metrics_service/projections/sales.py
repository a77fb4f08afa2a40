"""What a deal adds to sales performance: on the day it was opened, and on the day it was closed."""

from collections.abc import Sequence
from typing import NamedTuple

from metrics_service.projections.facts_deal import LOST, SCALE, Booking, DealFacts, Line
from metrics_service.projections.funnel import Worth
from metrics_service.projections.keys import NO_CURRENCY, SalesVector
from metrics_service.projections.pay.rounding import half_up
from metrics_service.projections.walk_deal import DISQUALIFIED, NO_DECISION, Standing


class LineSums(NamedTuple):
    """Sums over booked lines, before refunds."""

    revenue_minor: int
    refunded_minor: int
    list_minor: int
    listed_revenue_minor: int
    cost_minor: int
    costed_revenue_minor: int
    uncosted_lines: int
    assumed_lines: int
    assumed_cost_minor: int


def refunded_share(facts: DealFacts) -> int:
    """Return the fraction paid back, in trillionths, at most all of it."""
    if not facts.refunds:
        return 0
    return max(0, min(SCALE, sum(share for _id, _at, share in facts.refunds)))


def kept(amount_minor: int, refunded: int) -> int:
    """Return what is left of an amount after a refund of so many trillionths, rounded once."""
    return amount_minor if refunded == 0 else half_up(amount_minor * (SCALE - refunded), SCALE)


def line_sums(lines: Sequence[Line], refunded: int) -> LineSums:
    """Return the sums of lines."""
    revenue = refund = list_ = listed = cost = costed = uncosted = assumed = assumed_cost = 0
    for line in lines:
        revenue += line.revenue_minor
        refund += line.revenue_minor - kept(line.revenue_minor, refunded)
        if line.list_minor is not None:
            list_ += line.list_minor
            listed += line.revenue_minor
        if line.cost_minor is None:
            uncosted += 1
            continue
        cost += line.cost_minor
        costed += line.revenue_minor
        if line.assumed:
            assumed += 1
            assumed_cost += line.cost_minor
    return LineSums(revenue, refund, list_, listed, cost, costed, uncosted, assumed, assumed_cost)


def worth_of(facts: DealFacts, booking: Booking | None) -> Worth:
    """Return what the deal is worth as now known: booked revenue once won, else its amount."""
    if booking:
        return Worth(sum(line.revenue_minor for line in booking.lines), booking.currency)
    if facts.amount_minor is None:
        return Worth(0, NO_CURRENCY)
    return Worth(facts.amount_minor, facts.currency)


def created_vector(worth: Worth) -> SalesVector:
    """Return what an opened deal adds."""
    return SalesVector(created=1, created_minor=worth.amount_minor)


def ended_vector(stand: Standing, worth: Worth) -> SalesVector | None:
    """Return what a deal adds that ended without a sale; None where it did not."""
    if stand.status != LOST:
        return None
    if stand.outcome in NO_DECISION:
        return SalesVector(no_decision=1, no_decision_minor=worth.amount_minor)
    if stand.outcome == DISQUALIFIED:
        return SalesVector(disqualified=1, disqualified_minor=worth.amount_minor)
    return SalesVector(lost=1, lost_minor=worth.amount_minor)


def won_vector(sums: LineSums, cycle: int | None) -> SalesVector:
    """Return what a won deal adds."""
    return SalesVector(
        won=1,
        revenue_minor=sums.revenue_minor,
        refunded_minor=sums.refunded_minor,
        list_minor=sums.list_minor,
        listed_revenue_minor=sums.listed_revenue_minor,
        cost_minor=sums.cost_minor,
        costed_revenue_minor=sums.costed_revenue_minor,
        uncosted_lines=sums.uncosted_lines,
        assumed_lines=sums.assumed_lines,
        assumed_cost_minor=sums.assumed_cost_minor,
        cycles=0 if cycle is None else 1,
        cycle_days=cycle or 0,
    )
