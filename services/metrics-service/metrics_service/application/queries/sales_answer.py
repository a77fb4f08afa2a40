"""What `GET /v1/sales-performance` answers."""

from dataclasses import dataclass
from typing import Literal

from metrics_service.application.metric import Assumed, Metric, Money
from metrics_service.application.queries.answer import CutAnswer
from metrics_service.application.queries.spread import Spread

Granularity = Literal["month", "quarter", "year"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Deals by what became of them. Opened: created in the window; the rest: closed in it; open: now."""

    opened: int
    open_now: int
    won: int
    lost: int
    no_decision: int
    disqualified: int


@dataclass(frozen=True, slots=True)
class Margin:
    """Revenue less cost, of the lines whose cost is known; `uncosted_lines` are the others."""

    amount: Money
    revenue: Money
    cost: Money
    rate: Metric
    uncosted_lines: int
    assumed: Assumed


@dataclass(frozen=True, slots=True)
class Discount:
    """List value less revenue, of the lines that have a list price; negative is a premium."""

    amount: Money
    list_value: Money
    rate: Metric


@dataclass(frozen=True, slots=True)
class Amounts:
    """The money of one group in one currency. Amounts of deals not won are their last known amount."""

    currency: str
    opened: Money
    open_now: Money
    revenue: Money
    refunded: Money
    lost: Money
    no_decision: Money
    disqualified: Money
    average_won: Metric
    win_rate: Metric
    discount: Discount
    margin: Margin
    explain: dict[str, str]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Days from creation to booking of the deals won in the window whose creation is known."""

    mean_days: Metric
    spread: Spread


@dataclass(frozen=True, slots=True)
class SalesGroup:
    """One group in one period; without `group_by` the key is null, without `granularity` the period."""

    key: str | None
    period: str | None
    counts: Counts
    win_rate: Metric
    closing_ratio: Metric
    cycle: Cycle | None
    amounts: list[Amounts]
    explain: dict[str, str]
    drill: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesAnswer(CutAnswer):
    """How sales performed over some days."""

    granularity: Granularity | None
    groups: list[SalesGroup]
