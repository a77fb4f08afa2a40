"""The keys and vectors of every counter: what an entity may contribute to, and nothing else.

A key's first field names its table. Vectors are integers and form a group under addition, so that
the order and number of differences that made a row cannot matter.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

NOBODY = ""  # the value of a dimension that an entity does not have; not the same as "unknown"
NO_CURRENCY = ""  # what has no amount (a lead) has no currency


class FunnelKey(NamedTuple):
    """Entries into a step on a local day: cohort and flow conversion."""

    funnel: str
    funnel_version: int
    dim: str  # all, owner, source, campaign, segment; of deals also product
    value: str
    currency: str
    entered_on: date
    step: str


class FunnelVector(NamedTuple):
    """What happened to the entities of a `FunnelKey`; windows are those of the step's definition."""

    entered: int = 0  # first entries into the step on that day
    imputed: int = 0  # of these, entered only by skipping past it
    converted: int = 0  # of these, reached a later step within the window
    converted_ever: int = 0  # of these, reached a later step at all
    lost: int = 0  # of these, ended within the window without reaching a later step
    amount_minor: int = 0  # amount of the entities entered (deal steps)
    reached: int = 0  # journeys that *began* on that day and reached this step
    reached_amount_minor: int = 0


class PipelineKey(NamedTuple):
    """Open deals and leads by their present step: the snapshot."""

    funnel: str
    funnel_version: int
    dim: str  # all, owner, source, campaign, segment, product, account
    value: str
    currency: str
    step: str


class PipelineVector(NamedTuple):
    """How many are open in the step, and their amount."""

    open: int = 0
    amount_minor: int = 0


class SalesKey(NamedTuple):
    """What was opened and closed on a local day (opened: created; closed: won or lost).

    Under a product only the lines of that product count: a deal that sold two products is won once
    under each of them, and once under "all".
    """

    dim: str  # all, owner, source, campaign, segment, product, account
    value: str
    currency: str
    day: date


class SalesVector(NamedTuple):
    """Counts and amounts of a `SalesKey`. Amounts of lost deals are their last known amount.

    What was booked is told before refunds; what was paid back of it stands apart, on the booking day.
    """

    created: int = 0
    created_minor: int = 0
    won: int = 0
    lost: int = 0  # lost_to_competitor, unspecified
    lost_minor: int = 0
    no_decision: int = 0  # status_quo, ghosted
    no_decision_minor: int = 0
    disqualified: int = 0
    disqualified_minor: int = 0
    revenue_minor: int = 0
    refunded_minor: int = 0
    list_minor: int = 0  # list value of the lines that have one
    listed_revenue_minor: int = 0  # revenue of the same lines; discount = list - listed revenue
    cost_minor: int = 0
    costed_revenue_minor: int = (
        0  # revenue of the lines with a cost; margin = costed revenue - cost
    )
    uncosted_lines: int = 0
    assumed_lines: int = 0
    assumed_cost_minor: int = 0
    cycles: int = 0  # won deals whose creation is known
    cycle_days: int = 0  # the sum of their whole days from creation to booking


class DurationKey(NamedTuple):
    """Completed visits of a step that ended on a local day, by whole days: exact medians and percentiles.

    Days are calendar days of the tenant's zone between both ends, so that no change of the clock shows.
    """

    funnel: str
    funnel_version: int
    dim: str  # as SalesKey
    value: str
    step: str  # a step key, or CYCLE for won deals from creation to booking
    ended_on: date
    whole_days: int


CYCLE = "cycle"


class DurationVector(NamedTuple):
    """How many visits."""

    visits: int = 0


class LeadUseKey(NamedTuple):
    """Leads handed over to sales on a local day (first of qualified, assigned, accepted)."""

    dim: str  # all, owner, source, campaign, segment
    value: str
    handed_on: date


class LeadUseVector(NamedTuple):
    """Handed over, and of these touched by a person of sales within 14 days."""

    delivered: int = 0
    worked: int = 0


class ContentUseKey(NamedTuple):
    """Shares of an asset by a person on a local day: utilization and adoption count distinct ones."""

    asset_id: UUID
    shared_by: str  # the person's id, or NOBODY
    day: date


class ContentUseVector(NamedTuple):
    """How often it was sent, and of these to the buyer of a deal (the rest went to leads or nobody)."""

    shares: int = 0
    deal_shares: int = 0


class PayKey(NamedTuple):
    """What a person is credited with under one assignment, component and measurement period."""

    payee_id: UUID
    assignment_id: UUID
    plan_id: UUID
    component: str
    earned_period: str  # "2026-03", "2026-Q1", "2026"
    currency: str


class PayVector(NamedTuple):
    """The state of a pay key: x of the rate function, and what average margin and counts need."""

    base_minor: int = 0  # the measure, with the component's floor for negative margin
    revenue_minor: int = 0  # of lines with a known cost
    margin_minor: int = 0  # never floored
    deals: int = 0


class LedgerKey(NamedTuple):
    """What the ledger's sums are compared by: owed(key) is the sum over the person's assignments."""

    payee_id: UUID
    component: str
    earned_period: str
    currency: str


ADJUSTMENTS = "adjustment"  # the component of a ledger key that holds adjustments, never of a plan

Key = FunnelKey | PipelineKey | SalesKey | DurationKey | LeadUseKey | ContentUseKey | PayKey
Vector = (
    FunnelVector
    | PipelineVector
    | SalesVector
    | DurationVector
    | LeadUseVector
    | ContentUseVector
    | PayVector
)
Contributions = Mapping[Key, Vector]

VECTOR_OF: dict[type[Key], type[Vector]] = {
    FunnelKey: FunnelVector,
    PipelineKey: PipelineVector,
    SalesKey: SalesVector,
    DurationKey: DurationVector,
    LeadUseKey: LeadUseVector,
    ContentUseKey: ContentUseVector,
    PayKey: PayVector,
}
