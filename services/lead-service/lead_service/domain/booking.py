"""What is booked when a deal is won: lines, credits, and what is paid back of them later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Final

from lead_service.domain.values import MAX_CREDITS, MAX_LINES, check_sum
from onefunnel.errors import broken_rule
from onefunnel.events.deal import Credit, DealLine

# Digits after the point of a published fraction.
_PLACES: Final = Decimal(1).scaleb(-12)


@dataclass(frozen=True, slots=True)
class Booking:
    """A deal's booking as it stands; a correction has the next version."""

    version: int
    at: datetime
    lines: tuple[DealLine, ...]
    credits: tuple[Credit, ...]

    @property
    def revenue_minor(self) -> int:
        """Return the sum of the lines."""
        return sum(line.revenue_minor for line in self.lines)


def check_lines(lines: Sequence[DealLine]) -> None:
    """Refuse lines that no invoice could have."""
    if len(lines) > MAX_LINES:
        raise broken_rule(f"A deal has at most {MAX_LINES} lines.", pointer="/lines")
    if len({line.line_id for line in lines}) < len(lines):
        raise broken_rule("Two lines have the same id.", pointer="/lines")
    for n, line in enumerate(lines):
        _check_line(line, f"/lines/{n}")
    check_sum(sum(line.revenue_minor for line in lines), "/lines")
    check_sum(sum(line.list_minor or 0 for line in lines), "/lines")
    check_sum(sum(line.cost_minor or 0 for line in lines), "/lines")


def _check_line(line: DealLine, pointer: str) -> None:
    if Decimal(line.quantity) <= 0:
        raise broken_rule("A quantity is above zero.", pointer=f"{pointer}/quantity")
    for name in ("revenue_minor", "list_minor", "cost_minor"):
        amount: int | None = getattr(line, name)
        if amount is not None and amount < 0:
            raise broken_rule("A booked amount is not negative.", pointer=f"{pointer}/{name}")


def check_credits(shares: Sequence[Credit]) -> None:
    """Refuse credits that do not say exactly who is credited with how much."""
    if len(shares) > MAX_CREDITS:
        raise broken_rule(f"A deal has at most {MAX_CREDITS} credits.", pointer="/credits")
    if len({(c.person_id, c.role) for c in shares}) < len(shares):
        raise broken_rule("A person is credited twice in the same role.", pointer="/credits")
    for n, share in enumerate(shares):
        if share.split is not None and Decimal(share.split) < 0:
            raise broken_rule("A split is not negative.", pointer=f"/credits/{n}/split")
    _check_owners([c.split for c in shares if c.role == "owner"])


def _check_owners(splits: Sequence[str | None]) -> None:
    given = [Decimal(split) for split in splits if split is not None]
    if not given:
        return
    if len(given) < len(splits):
        raise broken_rule("Give every owner a split, or none.", pointer="/credits")
    if any(split == 0 for split in given):
        raise broken_rule("An owner's split is above zero.", pointer="/credits")
    if sum(given) != 1:
        raise broken_rule("The owners' splits have to sum to exactly 1.", pointer="/credits")


def paid_back(before: Fraction, share: Fraction) -> tuple[Fraction, str]:
    """Add a refund's share to what was refunded before; return the new sum and the share to publish.

    A share such as 1/3 has no finite decimal: the difference of the rounded sums is published, so that
    published shares always add up to the rounded sum, and a full refund adds up to exactly 1.
    """
    if share <= 0:
        raise broken_rule("A refund is above zero.", pointer="/fraction")
    after = before + share
    if after > 1:
        raise broken_rule("Refunds are more than what was booked.", pointer="/fraction")
    published = _rounded(after) - _rounded(before)
    if published == 0:
        raise broken_rule("The refund is too small to be recorded.", pointer="/fraction")
    return after, _text(published)


def _rounded(fraction: Fraction) -> Decimal:
    with localcontext(prec=60):
        quotient = Decimal(fraction.numerator) / Decimal(fraction.denominator)
        return quotient.quantize(_PLACES, rounding=ROUND_HALF_EVEN)


def _text(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
