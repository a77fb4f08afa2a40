"""Quotas as they fall into an assignment: prorated by calendar days, exact."""

from datetime import date
from fractions import Fraction

from metrics_service.projections.calendar import period_bounds
from metrics_service.projections.definitions import Assignment, Definitions
from metrics_service.projections.keys import PayKey
from metrics_service.projections.pay.plan import CompiledComponent
from metrics_service.projections.pay.rates import QuotaShare


def segment_share(first: date, last: date, period: str, fiscal_year_start: int) -> Fraction:
    """Return which part of a period's days lies between two days, both inclusive."""
    starts, ends = period_bounds(period, fiscal_year_start)
    days = (min(last, ends) - max(first, starts)).days + 1
    return Fraction(max(0, days), (ends - starts).days + 1)


def quota_share(
    key: PayKey, component: CompiledComponent, definitions: Definitions
) -> QuotaShare | None:
    """Return the quota of a pay key inside its assignment; None where none was set."""
    assignment = definitions.assignment(key.assignment_id)
    quota = definitions.quota(key.payee_id, key.component, component.measure, key.earned_period)
    if assignment is None or quota is None:
        return None
    counts = quota.count is not None
    whole = quota.count if counts else quota.amount_minor
    if whole is None:
        return None
    return QuotaShare(whole * _share(assignment, key.earned_period, definitions), counts)


def _share(assignment: Assignment, period: str, definitions: Definitions) -> Fraction:
    start = definitions.calendar.fiscal_year_start
    return segment_share(assignment.from_, assignment.to, period, start)
