"""Amounts, rates and days as a person writes them, to the last minor unit."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from onefunnel.currencies import exponent_of

_SHOWN: Final = 6  # decimals of an exact amount that does not end


def money_text(amount_minor: int, currency: str) -> str:
    """Return an amount in words of its currency: "USD 1,234.50"."""
    exponent = exponent_of(currency)
    return f"{currency} {Decimal(amount_minor).scaleb(-exponent):,.{exponent}f}"


def exact_money_text(amount_minor: Fraction, currency: str) -> str:
    """Return an exact amount with all its digits, or six decimals and an ellipsis where it never ends."""
    exponent = exponent_of(currency)
    return f"{currency} {_decimal_text(amount_minor / 10**exponent, exponent)}"


def percent_text(rate: Fraction) -> str:
    """Return a rate as a percentage: "7.5 %"."""
    return f"{_decimal_text(rate * 100, 0)} %"


def decimal_text(value: Fraction) -> str:
    """Return a fraction as an exact decimal where it ends, else as `a/b`."""
    return _terminating(value) or str(value)


def joined(parts: Sequence[str]) -> str:
    """Join phrases as a sentence does: "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def plural(n: int, word: str) -> str:
    """Return a number of things: "1 line", "2 lines"."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _decimal_text(value: Fraction, at_least: int) -> str:
    text = _terminating(value)
    if text is None:
        text = f"{Decimal(round(value * 10**_SHOWN)).scaleb(-_SHOWN):f}…"
    whole, _, part = text.partition(".")
    part = part.ljust(at_least, "0")
    grouped = f"{int(whole):,}" if whole != "-0" else "-0"
    return f"{grouped}.{part}" if part else grouped


def _terminating(value: Fraction) -> str | None:
    """Return the decimal digits of a fraction, None where they never end."""
    if value.denominator == 1:
        return str(value.numerator)
    rest, digits = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        digits = max(digits, count)
    if rest != 1:
        return None
    units = value.numerator * 10**digits // value.denominator
    return f"{Decimal(units).scaleb(-digits):f}"
