"""Sales performance: opened, won, lost and undecided; revenue, discount, margin; rates and cycle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, Protocol

from metrics_service.application.metric import (
    Assumed,
    Basis,
    Metric,
    Money,
    rate,
    share,
)
from metrics_service.application.queries.answer import cut_head
from metrics_service.application.queries.cut import Cut, Links, open_deals
from metrics_service.application.queries.org import ORG_LABELS, Org
from metrics_service.application.queries.refs import refs_of
from metrics_service.application.queries.sales_answer import (
    Amounts,
    Counts,
    Cycle,
    Discount,
    Granularity,
    Margin,
    SalesAnswer,
    SalesGroup,
)
from metrics_service.application.queries.situation import Situation
from metrics_service.application.queries.spread import StepSpread, spread
from metrics_service.projections.calendar import period_of
from metrics_service.projections.keys import PipelineVector, SalesVector

RULES: Final = "sales v1"  # the definitions of this page: outcomes, denominators, whose day counts

_COUNTS: Final = ("won", "lost", "no_decision", "disqualified", "created")
_MONEY: Final = (
    "created_minor", "revenue_minor", "refunded_minor", "lost_minor", "no_decision_minor",
    "disqualified_minor", "list_minor", "cost_minor",
)  # fmt: skip


class SalesRow(NamedTuple):
    """Sums of one group, month and currency; `month` is any day of it that lies in the window."""

    group: str
    month: date
    currency: str
    sums: SalesVector


class OpenDeals(NamedTuple):
    """What is open now."""

    group: str
    currency: str
    sums: PipelineVector


class SalesRows(Protocol):
    """The sums that sales performance is made of."""

    async def sums(self, cut: Cut) -> Sequence[SalesRow]:
        """Return what was opened and closed on the days of the cut, by month."""
        ...

    async def open_now(self, cut: Cut, today: date) -> Sequence[OpenDeals]:
        """Return the deals that are open now, in whatever step."""
        ...

    async def cycles(self, cut: Cut) -> Sequence[StepSpread]:
        """Return how long deals took that were won on the days of the cut."""
        ...


@dataclass(frozen=True, slots=True)
class SalesQuestion:
    """Over what, and whether month by month."""

    cut: Cut
    granularity: Granularity | None = None


async def sales(
    question: SalesQuestion, *, situation: Situation, org: Org | None, rows: SalesRows
) -> SalesAnswer:
    """Answer by group and period. Who sold nothing shows with zeros: absence is news."""
    cut = question.cut
    cut.check_narrow(counted=cut.counted)
    today = situation.today
    page = _Page(
        question,
        situation,
        _Sums(
            await rows.sums(cut), await rows.open_now(cut, today), await rows.cycles(cut), question,
            situation.definitions.calendar.fiscal_year_start,
        ),
    )  # fmt: skip
    keys = page.keys(org)
    return SalesAnswer(
        granularity=question.granularity,
        groups=[page.group(key, period) for key in keys for period in page.periods(key)],
        refs=refs_of(cut, keys),
        **cut_head(cut, situation, {"sales": RULES}),
    )


class _Sums:
    """The rows of an answer, by group and period."""

    def __init__(
        self,
        rows: Iterable[SalesRow],
        open_now: Iterable[OpenDeals],
        cycles: Iterable[StepSpread],
        question: SalesQuestion,
        year_start: int,
    ) -> None:
        granularity = question.granularity
        self.by_currency: dict[tuple[str, str | None], dict[str, SalesVector]] = {}
        for row in rows:
            period = period_of(row.month, granularity, year_start) if granularity else None
            found = self.by_currency.setdefault((row.group, period), {})
            known = found.get(row.currency, SalesVector())
            found[row.currency] = SalesVector(*map(sum, zip(known, row.sums, strict=True)))
        self.open_now: dict[str, dict[str, PipelineVector]] = {}
        for open_ in open_now:
            self.open_now.setdefault(open_.group, {})[open_.currency] = open_.sums
        self.cycles = {row.group: row for row in cycles}

    def groups(self) -> set[str]:
        return {group for group, _ in self.by_currency} | set(self.open_now)

    def periods(self, group: str) -> list[str | None]:
        found = {period for known, period in self.by_currency if known == group}
        return sorted(found, key=str) or [None]


class _Page:
    """Builds the groups of an answer."""

    def __init__(self, question: SalesQuestion, situation: Situation, sums: _Sums) -> None:
        self._cut = question.cut
        self._granularity = question.granularity
        self._sums = sums
        self._basis = Basis("period", RULES, question.cut.window)
        self._links: dict[str, Links] = {}
        self._currency = situation.definitions.calendar.currency

    def keys(self, org: Org | None) -> list[str]:
        """Return the groups, with those that the org chart knows and no deal does."""
        cut = self._cut
        if cut.group_by is None:
            return [""]
        found = self._sums.groups()
        if org is not None and not cut.filters:
            found |= _expected(cut, org)
        return sorted(found)

    def periods(self, key: str) -> list[str | None]:
        """Return the periods in which something was opened or closed."""
        return self._sums.periods(key)

    def group(self, key: str, period: str | None) -> SalesGroup:
        """Return one group in one period."""
        sums = self._sums.by_currency.get((key, period), {})
        total = {name: sum(getattr(v, name) for v in sums.values()) for name in _COUNTS}
        # What is open now and how long cycles took belong to the whole window, not to a month of it.
        whole = self._granularity is None
        open_now = self._sums.open_now.get(key, {}) if whole else {}
        closed = total["won"] + total["lost"] + total["no_decision"]
        currencies = sorted({*sums, *open_now} - {""}) or [c for c in (self._currency,) if c]
        return SalesGroup(
            key=key if self._cut.group_by else None,
            period=period,
            counts=Counts(
                opened=total["created"],
                open_now=sum(vector.open for vector in open_now.values()),
                won=total["won"],
                lost=total["lost"],
                no_decision=total["no_decision"],
                disqualified=total["disqualified"],
            ),
            win_rate=self._rate(key, total["won"], closed),
            closing_ratio=self._rate(key, total["won"], closed + total["disqualified"]),
            cycle=self._cycle(key, sums) if whole else None,
            amounts=[
                self._amounts(key, c, sums.get(c, SalesVector()), open_now.get(c))
                for c in currencies
            ],
            explain={name: self._link(f"sales.{name}", key) for name in _COUNTS},
            drill=open_deals(self._cut.of(key)) if whole else {},
        )

    def _rate(self, key: str, won: int, of: int) -> Metric:
        return rate(won, of, self._basis, explain=self._link("sales.won", key))

    def _cycle(self, key: str, sums: dict[str, SalesVector]) -> Cycle:
        n = sum(vector.cycles for vector in sums.values())
        days = sum(vector.cycle_days for vector in sums.values())
        mean = share(days, n, self._basis, n=n, explain=self._link("sales.cycle_days", key))
        return Cycle(mean, spread(self._sums.cycles.get(key)))

    def _amounts(
        self, key: str, currency: str, v: SalesVector, open_now: PipelineVector | None
    ) -> Amounts:
        def money(amount: int) -> Money:
            return Money(amount, currency)

        decided = v.revenue_minor + v.lost_minor + v.no_decision_minor
        n = v.won + v.lost + v.no_decision
        link = {"currency": currency}
        return Amounts(
            currency=currency,
            opened=money(v.created_minor),
            open_now=money(open_now.amount_minor if open_now else 0),
            revenue=money(v.revenue_minor),
            refunded=money(v.refunded_minor),
            lost=money(v.lost_minor),
            no_decision=money(v.no_decision_minor),
            disqualified=money(v.disqualified_minor),
            average_won=share(v.revenue_minor, v.won, self._basis, n=v.won),
            win_rate=share(v.revenue_minor, decided, self._basis, n=n),
            discount=self._discount(v, currency),
            margin=self._margin(v, currency),
            explain={name: self._link(f"sales.{name}", key, **link) for name in _MONEY},
        )

    def _discount(self, v: SalesVector, currency: str) -> Discount:
        given = v.list_minor - v.listed_revenue_minor
        return Discount(
            amount=Money(given, currency),
            list_value=Money(v.list_minor, currency),
            rate=share(given, v.list_minor, self._basis, n=v.won),
        )

    def _margin(self, v: SalesVector, currency: str) -> Margin:
        kept = v.costed_revenue_minor - v.cost_minor
        return Margin(
            amount=Money(kept, currency),
            revenue=Money(v.costed_revenue_minor, currency),
            cost=Money(v.cost_minor, currency),
            rate=share(kept, v.costed_revenue_minor, self._basis, n=v.won),
            uncosted_lines=v.uncosted_lines,
            assumed=Assumed(
                v.assumed_lines > 0, v.assumed_lines, Money(v.assumed_cost_minor, currency)
            ),
        )

    def _link(self, metric: str, key: str, **extra: str) -> str:
        links = self._links.get(key)
        if links is None:
            links = self._links[key] = Links(self._cut.window, self._cut.of(key))
        return links.to(metric, **extra)


def _expected(cut: Cut, org: Org) -> set[str]:
    if cut.group_by == "person":
        return set(org.sellers())
    for kind in ORG_LABELS:
        if cut.group_by == kind:
            return org.labels(kind, cut.window.from_, cut.window.to)
    return set()
