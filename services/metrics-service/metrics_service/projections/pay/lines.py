"""A statement's lines: the total of a pay key, told deal by deal, to the last minor unit."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import floor
from operator import add
from typing import NamedTuple
from uuid import UUID

from metrics_service.projections.keys import PayVector
from metrics_service.projections.pay.plan import CompiledComponent
from metrics_service.projections.pay.rates import Part, QuotaShare, parts
from metrics_service.projections.pay.rounding import rounded

COST_UNKNOWN = "cost-unknown"
LOSS_FLOORED = "loss-counts-as-zero"
REFUNDED = "refunded"
OTHER_CURRENCY = "other-currency"


class CreditedDeal(NamedTuple):
    """A won deal as one rule credits it to one person."""

    deal_id: UUID
    booked_on: date
    deal_version: int
    roles: tuple[str, ...]
    deal_base_minor: int  # the measure of the whole deal, before it is divided
    vector: PayVector
    refunded: Fraction
    uncosted_lines: int
    assumed_lines: int
    reason: str | None  # why it counts for nothing, or for less


class Line(NamedTuple):
    """One deal's part of the total, with all that led to it."""

    deal: CreditedDeal
    before_minor: int  # the base credited before it in the period, in the order of booking
    after_minor: int
    tiers: tuple[Part, ...]  # the rows it used, each with rate and part of the base
    exact: Fraction
    amount_minor: int

    @property
    def rounding(self) -> Fraction:
        """What rounding added to the exact amount."""
        return self.amount_minor - self.exact


def lines(
    component: CompiledComponent,
    deals: Sequence[CreditedDeal],
    quota: QuotaShare | None,
    rounding: str,
) -> tuple[Line, ...]:
    """Return the lines in the order (booking date, deal id). They always sum to the total.

    A marginal or flat component telescopes: each line is the rounded payout after it less the one
    before it. A retroactive one has its total first, divided by largest remainder on the base.
    """
    ordered = sorted(deals, key=lambda deal: (deal.booked_on, deal.deal_id.int))
    if component.basis is None or component.marginal:
        return _telescoped(component, ordered, quota, rounding)
    return _divided(component, ordered, quota, rounding)


def summed(deals: Sequence[CreditedDeal]) -> PayVector:
    """Return the state of the pay key that the deals make."""
    return PayVector(*(sum(column) for column in zip(*(d.vector for d in deals), strict=True)))


def _telescoped(
    component: CompiledComponent,
    deals: Sequence[CreditedDeal],
    quota: QuotaShare | None,
    rounding: str,
) -> tuple[Line, ...]:
    found, before = [], PayVector()
    used, exact_before, rounded_before = parts(component, before, quota), Fraction(0), 0
    for deal in deals:
        after = PayVector(*map(add, before, deal.vector))
        using = parts(component, after, quota)
        exact = sum((part.amount for part in using), Fraction(0))
        amount = rounded(exact, rounding)
        found.append(
            Line(
                deal,
                before.base_minor,
                after.base_minor,
                _between(used, using),
                exact - exact_before,
                amount - rounded_before,
            )
        )
        before, used, exact_before, rounded_before = after, using, exact, amount
    return tuple(found)


def _between(before: tuple[Part, ...], after: tuple[Part, ...]) -> tuple[Part, ...]:
    used = {(part.bound, part.rate): -part.part for part in before}
    for part in after:
        row = (part.bound, part.rate)
        used[row] = used.get(row, Fraction(0)) + part.part
    return tuple(Part(*row, part) for row, part in sorted(used.items()) if part)


def _divided(
    component: CompiledComponent,
    deals: Sequence[CreditedDeal],
    quota: QuotaShare | None,
    rounding: str,
) -> tuple[Line, ...]:
    if not deals:
        return ()
    (row,) = parts(component, summed(deals), quota)
    total = rounded(row.amount, rounding)
    exact = [row.rate * deal.vector.base_minor for deal in deals]
    found, before = [], 0
    for deal, share, amount in zip(deals, exact, apportioned(total, exact), strict=True):
        after = before + deal.vector.base_minor
        tiers = (Part(row.bound, row.rate, Fraction(deal.vector.base_minor)),)
        found.append(Line(deal, before, after, tiers, share, amount))
        before = after
    return tuple(found)


def apportioned(total: int, exact: Sequence[Fraction]) -> list[int]:
    """Round exact parts so that they sum to their rounded total, by largest remainder.

    Leftovers go by (fraction desc, part desc, place asc); a negative total mirrors a positive one.
    """
    if total < 0:
        return [-amount for amount in apportioned(-total, [-part for part in exact])]
    amounts = [floor(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: (amounts[i] - exact[i], -exact[i], i))
    for place in order[: total - sum(amounts)]:
        amounts[place] += 1
    return amounts
