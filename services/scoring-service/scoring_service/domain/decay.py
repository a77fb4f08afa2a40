"""Decay: points lose half their worth in each half-life. Exact decimals, no running float.

Ages are whole UTC days, so a score is the same whenever and wherever it is computed for an instant.
"""

from decimal import ROUND_HALF_UP, Context, Decimal

# A score is stated to six places; each reason is rounded to them, so that reasons sum exactly.
PLACES = Decimal("0.000001")
FORGOTTEN_AFTER_HALF_LIVES = 10  # by then less than a thousandth is left
_EXACTLY = Context(prec=34)


def left_of(points: int, *, age_days: int, half_life_days: int) -> Decimal:
    """Return points * 2^(-age/half-life), to as many digits as we compute with."""
    exponent = _EXACTLY.divide(Decimal(-age_days), Decimal(half_life_days))
    return _EXACTLY.multiply(Decimal(points), _EXACTLY.power(Decimal(2), exponent))


def decayed(points: int, *, age_days: int, half_life_days: int) -> Decimal:
    """Return what is left of points, rounded to `PLACES`, halves away from zero; whole while fresh."""
    if age_days == 0:
        return Decimal(points)
    left = left_of(points, age_days=age_days, half_life_days=half_life_days)
    return left.quantize(PLACES, rounding=ROUND_HALF_UP)


def forgotten(*, age_days: int, half_life_days: int) -> bool:
    """Say whether points are too old to count."""
    return age_days > FORGOTTEN_AFTER_HALF_LIVES * half_life_days


def cools_below_in_days(
    score: Decimal, threshold: Decimal, *, half_life_days: int
) -> Decimal | None:
    """Return after how many days a score of one half-life falls below a threshold: h * log2(S / threshold).

    None where it is below already, or where the threshold is zero and it never will be.
    """
    if threshold <= 0 or score < threshold:
        return None
    halvings = _EXACTLY.divide(
        _EXACTLY.ln(_EXACTLY.divide(score, threshold)), _EXACTLY.ln(Decimal(2))
    )
    return _EXACTLY.multiply(halvings, Decimal(half_life_days)).quantize(PLACES, ROUND_HALF_UP)
