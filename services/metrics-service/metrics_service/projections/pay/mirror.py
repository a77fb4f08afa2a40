"""What a discount costs the company and the payee, in closed form, to show next to any plan.

List price P, cost C, gross margin g = (P - C) / P, discount d. Of its commission a revenue plan
keeps 1 - d, a margin plan 1 - d/g.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

DISCOUNTS = tuple(Fraction(percent, 100) for percent in (5, 10, 15, 20, 30))


class MirrorRow(NamedTuple):
    """What is left of each commission at a discount."""

    discount: Fraction
    kept_on_revenue: Fraction
    kept_on_margin: Fraction


def mirror(
    gross_margin: Fraction, discounts: Iterable[Fraction] = DISCOUNTS
) -> tuple[MirrorRow, ...]:
    """Return the discount table at a gross margin above 0; below cost a margin plan keeps nothing."""
    return tuple(
        MirrorRow(discount, 1 - discount, max(Fraction(0), 1 - discount / gross_margin))
        for discount in discounts
    )


def penalty_ratio(gross_margin: Fraction) -> Fraction:
    """Return how many times harder a discount hits a margin plan than a revenue plan."""
    return 1 / gross_margin


def neutral_margin_rate(revenue_rate: Fraction, gross_margin: Fraction) -> Fraction:
    """Return the margin rate that pays the same as a revenue rate at list price."""
    return revenue_rate / gross_margin
