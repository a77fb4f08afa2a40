"""How many digits the minor unit of a currency has (ISO 4217), where amounts become text and back."""

from collections.abc import Mapping
from typing import Final

# Where it is not two.
_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS: Final[Mapping[str, int]] = {
    code: digits for digits, codes in _DIGITS.items() for code in codes.split()
}


def exponent_of(currency: str) -> int:
    """Return the number of digits of a currency's minor unit."""
    return _EXPONENTS.get(currency, 2)
