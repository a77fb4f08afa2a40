"""Rounding to whole minor units, exactly and symmetrically: an earning and its reversal cancel."""

from fractions import Fraction


def half_up(numerator: int, denominator: int) -> int:
    """Round a quotient half away from zero; the denominator is positive."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def half_even(numerator: int, denominator: int) -> int:
    """Round a quotient half to even; the denominator is positive."""
    whole, rest = divmod(abs(numerator), denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    return whole if numerator >= 0 else -whole


def rounded(value: Fraction, rounding: str) -> int:
    """Round a fraction by a plan's rule."""
    rule = half_even if rounding == "half_even" else half_up
    return rule(value.numerator, value.denominator)
