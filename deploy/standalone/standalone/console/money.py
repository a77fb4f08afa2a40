"""Money at the console's edge: exact text to minor units and back, never through a float."""

from decimal import Decimal, InvalidOperation

from onefunnel.currencies import exponent_of


def to_minor(amount: Decimal, currency: str) -> int | None:
    """Return an amount in minor units, or None where it has more digits than the currency."""
    try:
        scaled = amount.scaleb(exponent_of(currency))
        whole = scaled.to_integral_value()
    except InvalidOperation:
        return None
    return int(whole) if whole == scaled else None


def show(amount_minor: int, currency: str | None) -> str:
    """Return exact money for people: `1,234.50`, with the digits of its currency."""
    digits = exponent_of(currency or "")
    sign = "-" if amount_minor < 0 else ""
    whole, part = divmod(abs(amount_minor), 10**digits)
    return f"{sign}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
