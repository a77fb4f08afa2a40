"""Dividing an amount without losing or inventing a minor unit."""

from collections.abc import Mapping
from uuid import UUID

from metrics_service.projections.pay.rounding import half_up


def divided(amount_minor: int, weights: Mapping[UUID, int]) -> dict[UUID, int]:
    """Divide by largest remainder; leftovers go by (fraction desc, weight desc, id asc).

    The result does not depend on the order of the weights, sums to the amount, and of a negative
    amount is the mirror image of the positive one.
    """
    if len(weights) == 1:
        return dict.fromkeys(weights, amount_minor)
    total = sum(weights.values())
    size, sign = abs(amount_minor), -1 if amount_minor < 0 else 1
    shares = {id_: size * weight // total for id_, weight in weights.items()}
    order = sorted(
        weights, key=lambda id_: (-(size * weights[id_] % total), -weights[id_], id_.int)
    )
    for id_ in order[: size - sum(shares.values())]:
        shares[id_] += 1
    return {id_: sign * share for id_, share in shares.items()}


def portion(amount_minor: int, weight: int, whole: int) -> int:
    """Return a share that is on top of the whole, rounded half away from zero."""
    return half_up(amount_minor * weight, whole)
