"""Rows as the counters would have them, for cuts that no counter knows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Final, TypeVar

from metrics_service.application.metric import quantile
from metrics_service.application.queries.funnel import EntryRow, OpenRow
from metrics_service.application.queries.recount import Recount
from metrics_service.application.queries.sales import OpenDeals, SalesRow
from metrics_service.application.queries.spread import StepSpread
from metrics_service.application.queries.utilization import LeadUseRow
from metrics_service.projections.funnel_steps import CompiledFunnel
from metrics_service.projections.keys import (
    CYCLE,
    DurationKey,
    FunnelKey,
    FunnelVector,
    LeadUseKey,
    LeadUseVector,
    PipelineKey,
    PipelineVector,
    SalesKey,
    SalesVector,
)

K = TypeVar("K")
_HALF: Final = Fraction(1, 2)
_P90: Final = Fraction(9, 10)


def entries(
    recount: Recount, funnel: CompiledFunnel, mature_before: Mapping[str, date]
) -> Sequence[EntryRow]:
    """Return what entered, by group, step, currency and maturity."""
    parts = (
        ((hit.group, key.step, key.currency, key.entered_on < mature_before[key.step]), hit.vector)
        for hit in recount.hits(FunnelKey)
        if isinstance(key := hit.key, FunnelKey) and _is_of(key, funnel)
    )
    return [EntryRow(*key, FunnelVector(*sums)) for key, sums in _summed(parts)]


def open_now(recount: Recount, funnel: CompiledFunnel) -> Sequence[OpenRow]:
    """Return what is open now, by group, step and currency."""
    parts = (
        ((hit.group, key.step, key.currency), hit.vector)
        for hit in recount.hits(PipelineKey)
        if isinstance(key := hit.key, PipelineKey) and _is_of(key, funnel)
    )
    return [OpenRow(*key, PipelineVector(*sums)) for key, sums in _summed(parts)]


def stays(recount: Recount, funnel: CompiledFunnel) -> Sequence[StepSpread]:
    """Return how long completed visits took, by group and step."""
    return _spreads(recount, lambda key: key.step != CYCLE and _is_of(key, funnel))


def cycles(recount: Recount) -> Sequence[StepSpread]:
    """Return how long won deals took, by group."""
    return _spreads(recount, lambda key: key.step == CYCLE)


def sales(recount: Recount) -> Sequence[SalesRow]:
    """Return what was opened and closed, by group, month and currency."""
    parts = (
        ((hit.group, key.day.replace(day=1), key.currency), hit.vector)
        for hit in recount.hits(SalesKey)
        if isinstance(key := hit.key, SalesKey)
    )
    return [SalesRow(*key, SalesVector(*sums)) for key, sums in _summed(parts)]


def open_deals(recount: Recount) -> Sequence[OpenDeals]:
    """Return the deals that are open now, by group and currency; leads are no deals."""
    parts = (
        ((hit.group, key.currency), hit.vector)
        for hit in recount.hits(PipelineKey)
        if hit.entity == "deal" and isinstance(key := hit.key, PipelineKey)
    )
    return [OpenDeals(*key, PipelineVector(*sums)) for key, sums in _summed(parts)]


def _is_of(key: FunnelKey | PipelineKey | DurationKey, funnel: CompiledFunnel) -> bool:
    return (key.funnel, key.funnel_version) == (funnel.name, funnel.version)


def _summed(parts: Iterable[tuple[K, Sequence[int]]]) -> list[tuple[K, list[int]]]:
    totals: dict[K, list[int]] = {}
    for key, vector in parts:
        known = totals.get(key)
        totals[key] = (
            list(vector) if known is None else [a + b for a, b in zip(known, vector, strict=True)]
        )
    return list(totals.items())


def _spreads(recount: Recount, wanted: Any) -> list[StepSpread]:
    counts: dict[tuple[str, str], Counter[int]] = {}
    for hit in recount.hits(DurationKey):
        key = hit.key
        if isinstance(key, DurationKey) and wanted(key):
            of_step = counts.setdefault((hit.group, key.step), Counter())
            of_step[key.whole_days] += hit.vector.visits
    return [_spread(group, step, days) for (group, step), days in counts.items()]


def _spread(group: str, step: str, days: Mapping[int, int]) -> StepSpread:
    n = sum(days.values())
    lower, upper = quantile(days, _HALF), quantile(days, Fraction(n // 2 + 1, n))
    p90 = quantile(days, _P90)
    assert lower is not None
    assert upper is not None
    assert p90 is not None
    return StepSpread(group, step, n, lower, upper, p90)


def lead_use(recount: Recount, late_from: date) -> Sequence[LeadUseRow]:
    """Return the leads handed over, by group and whether their days are over."""
    parts = (
        ((hit.group, key.handed_on >= late_from), hit.vector)
        for hit in recount.hits(LeadUseKey)
        if isinstance(key := hit.key, LeadUseKey)
    )
    return [LeadUseRow(*key, LeadUseVector(*sums)) for key, sums in _summed(parts)]
