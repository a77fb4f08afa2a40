"""Parts of the gateway's answers as text: exact money, rates, names for ids, how fresh it is."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from standalone.console.failure import NOT_READY, OK
from standalone.console.money import show
from standalone.console.tables import say

NOTHING: Final = "–"
Answer = Mapping[str, Any]


def label(answer: Answer, key: str | None) -> str:
    """Return the name of an id, or the code itself; nobody and none are said in words."""
    if key is None:
        return "all"
    return str(answer.get("names", {}).get(key, key)) or "(none)"


def money_of(money: Mapping[str, Any] | None) -> str:
    """Return exact money."""
    return show(int(money["amount_minor"]), str(money["currency"])) if money else NOTHING


def rate_of(metric: Mapping[str, Any] | None) -> str:
    """Return a rate as a percentage with two decimals; the exact value is in --json."""
    if metric is None or metric["value"] is None:
        return NOTHING
    percent = (Decimal(metric["value"]) * 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return f"{percent} %"


def days(value: str | None) -> str:
    """Return days without needless zeros."""
    return NOTHING if value is None else f"{Decimal(value).normalize():f}"


def footer(answer: Answer, notes: Iterable[str] = (), *, quiet: bool = False) -> int:
    """Say how fresh the numbers are; return the exit code, which tells a program that they are stale."""
    stale = bool(answer.get("stale"))
    if not quiet:
        for note in notes:
            say(note)
        lag = int(answer.get("lag_events", 0))
        behind = f", {lag:,} events behind" if lag else ""
        say(f"as of {answer['as_of']}{behind}" + ("  STALE: being recomputed" if stale else ""))
    return NOT_READY if stale else OK
