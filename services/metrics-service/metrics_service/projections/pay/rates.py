"""The rate function F: from the state of a pay key to an exact amount.

Rows hold from their bound, included, to the next row's, excluded. The first row reaches down without
end: a base below the table, and a negative one, is paid at its rate.
"""

from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from metrics_service.projections.keys import PayVector
from metrics_service.projections.pay.plan import CompiledComponent, Row

_ZERO = Fraction(0)


class QuotaShare(NamedTuple):
    """A quota as far as it falls into the assignment: exact, never rounded."""

    amount: Fraction
    counts: bool  # of deals, not of money


class Part(NamedTuple):
    """What one row pays: its rate on a part of the base."""

    bound: Fraction  # in the unit of the base for marginal tables, of the table's key for others
    rate: Fraction
    part: Fraction

    @property
    def amount(self) -> Fraction:
        """The exact amount that the row pays."""
        return self.rate * self.part


def payout(component: CompiledComponent, vector: PayVector, quota: QuotaShare | None) -> Fraction:
    """Return F of a state, exactly."""
    return sum((part.amount for part in parts(component, vector, quota)), _ZERO)


def parts(
    component: CompiledComponent, vector: PayVector, quota: QuotaShare | None
) -> tuple[Part, ...]:
    """Return the rows that pay, each with its rate and its part of the base."""
    base = Fraction(vector.base_minor)
    if component.basis is None:
        return (Part(_ZERO, component.rate, base),)
    if component.marginal:
        return _walked(_bounds(component, quota), base)
    row = row_at(component.rows, table_key(component, vector, quota))
    return (Part(row.bound, row.rate, base),)


def row_at(rows: tuple[Row, ...], key: Fraction | None) -> Row:
    """Return the row that holds at a key; the first one below the table, and where there is no key."""
    found = rows[0]
    if key is not None:
        for row in rows[1:]:
            if row.bound <= key:
                found = row
    return found


def table_key(
    component: CompiledComponent, vector: PayVector, quota: QuotaShare | None
) -> Fraction | None:
    """Return what the table is looked up by; None where it is not defined (no quota, no revenue)."""
    if component.basis == "amount":
        return Fraction(vector.base_minor)
    if component.basis == "count":
        return Fraction(vector.deals)
    if component.basis == "avg_margin_pct":
        return average_margin(vector)
    return attainment(vector, quota)


def average_margin(vector: PayVector) -> Fraction | None:
    """Return the ratio of sums over lines with known cost, never the mean of percentages."""
    return Fraction(vector.margin_minor, vector.revenue_minor) if vector.revenue_minor else None


def attainment(vector: PayVector, quota: QuotaShare | None) -> Fraction | None:
    """Return the credited part of the quota, exactly; None without a quota."""
    if quota is None or not quota.amount:
        return None
    return (vector.deals if quota.counts else vector.base_minor) / quota.amount


def _bounds(component: CompiledComponent, quota: QuotaShare | None) -> tuple[Row, ...]:
    """Return the table with bounds in units of the base."""
    if component.basis != "attainment":
        return component.rows
    if quota is None or quota.counts or not quota.amount:
        return component.rows[:1]  # no measure of how far: everything is paid by the first row
    return tuple(Row(row.bound * quota.amount, row.rate) for row in component.rows)


def _walked(rows: tuple[Row, ...], base: Fraction) -> tuple[Part, ...]:
    if base < 0:
        return (Part(rows[0].bound, rows[0].rate, base),)
    found = []
    for row, above in pairwise((*rows, None)):
        assert row is not None
        lower = max(_ZERO, row.bound) if row is not rows[0] else _ZERO
        upper = base if above is None else min(base, above.bound)
        if upper > lower:
            found.append(Part(row.bound, row.rate, upper - lower))
    return tuple(found)
