"""The oracle's pay: what everybody is owed, from the list of events, with exact fractions."""

import calendar
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from onefunnel.events import deal, plans

from .oracle_deal import half_away, refunded, status

Key = tuple[Any, str, str, str]


def owed(oracle: Any) -> dict[Key, int]:
    """Return what is owed by payee, component, earned period and currency; zeros left out."""
    books = _Books(oracle)
    totals: dict[Key, int] = defaultdict(int)
    for (assignment, component_id, period), credited in books.credits().items():
        plan = books.plan(assignment.plan_id)
        component = next(c for c in plan.components if c.id == component_id)
        exact = books.payout(assignment, component, period, credited)
        key = (assignment.person_id, component_id, period, plan.currency)
        totals[key] += _rounded(exact, plan.rounding)
    for fact in oracle.of(plans.AdjustmentPosted):
        day = oracle.day(fact.event.at)
        key = (fact.event.person_id, "adjustment", f"{day:%Y-%m}", fact.event.currency)
        totals[key] += fact.event.amount_minor
    return {key: amount for key, amount in totals.items() if amount}


def _rounded(value: Fraction, rounding: str) -> int:
    return round(value) if rounding == "half_even" else half_away(value)


class _Books:
    def __init__(self, oracle: Any) -> None:
        self.oracle = oracle
        self.deals = defaultdict(list)
        for fact in oracle.facts:
            if type(fact.event).__module__ == deal.__name__:
                self.deals[fact.event.deal_id].append(fact)

    def plan(self, plan_id: Any) -> Any:
        found = [
            f.event.plan for f in self.oracle.of(plans.PlanActivated) if f.event.plan_id == plan_id
        ]
        return max(found, key=lambda plan: plan.version, default=None)

    def assignments(self, person: Any, day: date) -> list[Any]:
        newest: dict[Any, Any] = {}
        for fact in sorted(self.oracle.of(plans.PlanAssigned), key=lambda fact: fact.sequence):
            newest[fact.event.assignment_id] = fact.event
        return [
            a
            for a in newest.values()
            if a.person_id == person and a.from_ <= day and (a.to is None or day <= a.to)
        ]

    def credits(self) -> dict[Any, list[dict[str, Any]]]:
        """Every credit by (assignment, component, period): base, revenue and margin of known cost."""
        found = defaultdict(list)
        for facts in self.deals.values():
            if not any(isinstance(f.event, deal.DealCreated) for f in facts):
                continue
            state, booking = status(facts)
            if state != "won":
                continue
            day = self.oracle.day(booking.at)
            for person in {credit.person_id for credit in booking.credits}:
                for assignment in self.assignments(person, day):
                    plan = self.plan(assignment.plan_id)
                    if plan is None or plan.currency != booking.currency:
                        continue
                    for component in plan.components:
                        credit = self.credit(component, facts, booking, person)
                        if credit:
                            key = (assignment, component.id, self.period(day, component.period))
                            found[key].append(credit)
        return found

    def credit(self, component: Any, facts: list[Any], booking: Any, person: Any) -> Any:
        mine = [c for c in booking.credits if c.person_id == person and c.role in component.roles]
        created = next(f.event for f in facts if isinstance(f.event, deal.DealCreated))
        label = max(
            (f for f in facts if isinstance(f.event, (deal.DealCreated, deal.DealUpdated))),
            key=lambda f: f.sequence,
        ).event
        source = label.source or (created.origin.source if created.origin else None)
        if not mine or (component.source is not None and component.source != source):
            return None
        lines = [
            line
            for line in booking.lines
            if component.products is None or line.product_id in component.products
        ]
        left = 1 - refunded(facts)
        revenue = [half_away(line.revenue_minor * left) for line in lines]
        costs = [None if x.cost_minor is None else half_away(x.cost_minor * left) for x in lines]
        known = [(r, c) for r, c in zip(revenue, costs, strict=True) if c is not None]
        margin = sum(r - c for r, c in known)
        base = margin if component.measure == "margin" else sum(revenue)
        if component.measure == "margin" and component.negative_margin == "zero":
            base = max(base, 0)
        share = lambda amount: self.share(amount, booking, person, component.roles)  # noqa: E731
        return {
            "base": share(base),
            "revenue": share(sum(r for r, _c in known)),
            "margin": share(margin),
            "deals": 1 if left > 0 and (lines or component.products is None) else 0,
        }

    def share(self, amount: int, booking: Any, person: Any, roles: Any) -> int:
        total = 0
        if "owner" in roles:
            total += self.owner_shares(amount, booking).get(person, 0)
        for credit in booking.credits:
            if credit.person_id == person and credit.role != "owner" and credit.role in roles:
                split = Fraction(1) if credit.split is None else Fraction(credit.split)
                total += half_away(amount * split)
        return total

    def owner_shares(self, amount: int, booking: Any) -> dict[Any, int]:
        weights: dict[Any, Fraction] = defaultdict(Fraction)
        owners = [c for c in booking.credits if c.role == "owner"]
        given = any(c.split and Fraction(c.split) for c in owners)
        for credit in owners:
            weights[credit.person_id] += Fraction(credit.split or 0) if given else 1
        whole = sum(weights.values())
        exact = {p: abs(amount) * w / whole for p, w in weights.items()}
        shares = {p: int(value) for p, value in exact.items()}
        ranking = sorted(weights, key=lambda p: (shares[p] - exact[p], -weights[p], str(p)))
        for person in ranking[: abs(amount) - sum(shares.values())]:
            shares[person] += 1
        return {p: value if amount >= 0 else -value for p, value in shares.items()}

    def payout(self, assignment: Any, component: Any, period: str, credited: list[Any]) -> Fraction:
        x = Fraction(sum(c["base"] for c in credited))
        if component.tiers is None:
            return x * Fraction(component.rate)
        table = [
            (Fraction(row.from_), Fraction(row.rate) if row.rate is not None
             else Fraction(component.rate) * Fraction(row.x))
            for row in component.tiers.table
        ]  # fmt: skip
        quota = self.quota(assignment, component, period)
        if component.tiers.mode == "marginal":
            return self.marginal(x, table, component.tiers.basis, quota)
        key = self.key(component.tiers.basis, x, credited, quota)
        rates = [rate for bound, rate in table if key is not None and bound <= key]
        return x * (rates[-1] if rates else table[0][1])

    def marginal(self, x: Fraction, table: Any, basis: str, quota: Any) -> Fraction:
        """Sum over rows of (rate - rate before) times what lies above the row's bound."""
        if x < 0:
            return x * table[0][1]
        if basis == "attainment":
            if not quota or quota[1] or not quota[0]:
                return x * table[0][1]
            table = [(bound * quota[0], rate) for bound, rate in table]
        total, below = Fraction(0), Fraction(0)
        for place, (bound, rate) in enumerate(table):
            above = x - max(Fraction(0), bound if place else Fraction(0))
            total += (rate - below) * max(Fraction(0), above)
            below = rate
        return total

    def key(self, basis: str, x: Fraction, credited: list[Any], quota: Any) -> Fraction | None:
        if basis == "amount":
            return x
        deals = sum(c["deals"] for c in credited)
        if basis == "count":
            return Fraction(deals)
        if basis == "avg_margin_pct":
            revenue = sum(c["revenue"] for c in credited)
            return Fraction(sum(c["margin"] for c in credited), revenue) if revenue else None
        if not quota or not quota[0]:
            return None
        return (deals if quota[1] else x) / quota[0]

    def quota(self, assignment: Any, component: Any, period: str) -> tuple[Fraction, bool] | None:
        current: dict[Any, Any] = {}
        for fact in sorted(self.oracle.of(plans.QuotaSet), key=lambda fact: fact.sequence):
            current[fact.event.quota_id] = fact
        mine = [
            f
            for f in sorted(current.values(), key=lambda f: f.event_id.int)
            if f.event.person_id == assignment.person_id and f.event.period == period
        ]
        own = [f for f in mine if f.event.component == component.id]
        general = [
            f for f in mine if f.event.component is None and f.event.measure == component.measure
        ]
        if not own and not general:
            return None
        quota = (own or general)[-1].event
        counts = quota.count is not None
        whole = quota.count if counts else quota.amount_minor
        if whole is None:
            return None
        first, after = self.bounds(period)
        days = [first + timedelta(days=n) for n in range((after - first).days)]
        inside = [d for d in days if assignment.from_ <= d <= (assignment.to or date.max)]
        return Fraction(whole) * len(inside) / len(days), counts

    def period(self, day: date, granularity: str) -> str:
        if granularity == "month":
            return f"{day:%Y-%m}"
        starts = self.oracle.year_starts
        year = day.year if day.month < starts or starts == 1 else day.year + 1
        if granularity == "year":
            return str(year)
        return f"{year}-Q{((day.month - starts) % 12) // 3 + 1}"

    def bounds(self, period: str) -> tuple[date, date]:
        """First day of the period, and the first day after it."""
        wanted = {4: "year", 7: "month"}[len(period)] if "Q" not in period else "quarter"
        year = int(period[:4])
        day = date(year - 1, 1, 1)
        while self.period(day, wanted) != period:
            day += timedelta(days=calendar.monthrange(day.year, day.month)[1])
        end = day
        while self.period(end, wanted) == period:
            end += timedelta(days=calendar.monthrange(end.year, end.month)[1])
        return day, end
