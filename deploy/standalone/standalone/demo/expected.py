"""The demo's numbers counted a second time, plainly, from the facts alone."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from standalone.demo.facts import Company, Deal


@dataclass(slots=True)
class Sales:
    """What one person, or everybody, sold."""

    opened: int = 0
    won: int = 0
    lost: int = 0
    no_decision: int = 0
    disqualified: int = 0
    open_now: int = 0
    revenue_minor: int = 0


@dataclass(slots=True)
class Numbers:
    """What the gateway has to answer."""

    everybody: Sales = field(default_factory=Sales)
    by_person: dict[str, Sales] = field(default_factory=lambda: defaultdict(Sales))
    leads: int = 0
    leads_by_source: Counter[str] = field(default_factory=Counter)
    qualified: int = 0
    converted: int = 0


_OUTCOMES = {
    "lost_to_competitor": "lost",
    "status_quo": "no_decision",
    "ghosted": "no_decision",
    "disqualified": "disqualified",
}


def expected(company: Company) -> Numbers:
    """Count."""
    found = Numbers()
    for deal in company.deals:
        for sales in (found.everybody, found.by_person[deal.owner]):
            _count(sales, deal)
    for lead in company.leads:
        found.leads += 1
        found.leads_by_source[lead.source or ""] += 1
        found.qualified += lead.qualified_at is not None
        found.converted += lead.converted_at is not None
    return found


def _count(sales: Sales, deal: Deal) -> None:
    sales.opened += 1
    if deal.won_at:
        sales.won += 1
        sales.revenue_minor += sum(line.revenue_minor for line in deal.lines)
    elif deal.lost:
        name = _OUTCOMES[deal.lost[1]]
        setattr(sales, name, getattr(sales, name) + 1)
    else:
        sales.open_now += 1
