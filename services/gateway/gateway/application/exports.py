"""Which answers are tables, and how one becomes lines: the columns are named as the API names its fields.

An amount is an exact decimal beside a column with its currency. Where a row has amounts of several
currencies, further rows say what it is and the other amounts, so that the sum of a column is right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gateway.domain.csv_text import Cell
from onefunnel.currencies import exponent_of

Row = dict[str, Any]
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """An operation whose answer can be had as a table; a list is followed page by page to its end."""

    name: str
    columns: Sequence[str]
    rows: Callable[[Answer], Iterator[Row]]
    paged: bool = False

    def lines(self, answer: Answer) -> Iterator[list[Cell]]:
        """Yield the lines of one answer."""
        for row in self.rows(answer):
            flat = dict(_flat(row, ""))
            yield [flat.get(column) for column in self.columns]


def _flat(value: Any, name: str) -> Iterator[tuple[str, Cell]]:
    """Yield the columns of a value: fields of fields by dots, an amount with its currency, a metric's value."""
    if not isinstance(value, Mapping):
        yield name, value if isinstance(value, str | int | None) else None
    elif "amount_minor" in value:
        currency = value["currency"]
        yield name, Decimal(value["amount_minor"]).scaleb(-exponent_of(currency))
        yield f"{name}_currency", currency
    elif "numerator" in value:
        yield name, _number(value["value"])
    else:
        for key, one in value.items():
            yield from _flat(one, f"{name}.{key}" if name else key)


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None


def _items(answer: Answer) -> Iterator[Row]:
    yield from answer["items"]


def _steps(answer: Answer) -> Iterator[Row]:
    for group in answer["groups"]:
        for step in group["steps"]:
            about = {**_named(answer, group["key"]), "step": step["step"]}
            amounts = step["amounts"] or [None]
            yield {**step, **about, "amount": amounts[0]}
            yield from ({**about, "amount": amount} for amount in amounts[1:])


def _sales(answer: Answer) -> Iterator[Row]:
    for group in answer["groups"]:
        about = {**_named(answer, group["key"]), "period": group["period"]}
        amounts = group["amounts"] or [{}]
        yield {**group, **about, "amounts": amounts[0]}
        yield from ({**about, "amounts": amount} for amount in amounts[1:])


def _statement(answer: Answer) -> Iterator[Row]:
    """Every line of a statement, what was posted for closed periods, and adjustments: they sum to its total."""
    about = {"payee": answer["payee"], "period": answer["period"]}
    for component in answer["components"]:
        of = {key: component[key] for key in ("component", "plan_name", "plan_version")}
        for line in component["lines"]:
            yield {**line, **about, **of, "kind": "line", "earned_period": answer["period"]}
    for kind in ("retro", "adjustments"):
        for entry in answer[kind]:
            yield {**entry, **about, "kind": kind.removesuffix("s")}


def _named(answer: Answer, key: str | None) -> Row:
    return {"key": key, "name": answer.get("names", {}).get(key)}


# By operation. Columns are published: one is never removed or renamed.
TABLES: Final[Mapping[str, Table]] = {
    "listLeads": Table(
        "leads",
        (
            "id", "state", "external.source", "external.id", "captured_at", "name", "email", "phone",
            "company", "source", "campaign_id", "segment", "owner_id", "qualified_at", "accepted_at",
            "converted_at", "deal_id", "merged_into", "recycle_until",
        ),
        _items,
        paged=True,
    ),
    "listDeals": Table(
        "deals",
        (
            "id", "state", "stage", "external.source", "external.id", "name", "created_at", "closed_at",
            "owner_id", "amount", "amount_currency", "account_id", "product_id", "source",
            "campaign_id", "segment", "expected_close_on", "outcome", "competitor", "reason",
        ),
        _items,
        paged=True,
    ),
    "listLedger": Table(
        "ledger",
        (
            "entry_id", "payee", "component", "earned_period", "posted_period", "account", "kind",
            "amount", "amount_currency", "plan", "plan_version", "cause.event_id", "cause.type",
            "posted_at",
        ),
        _items,
        paged=True,
    ),
    "getFunnel": Table(
        "funnel",
        (
            "key", "name", "step", "owner", "entity", "window_days", "entered", "imputed", "amount",
            "amount_currency", "reached", "converted", "lost", "expired", "not_yet",
            "converted_ever", "conversion", "of_first", "of_previous", "open_now.count",
        ),
        _steps,
    ),
    "getSalesPerformance": Table(
        "performance",
        (
            "key", "name", "period", "counts.opened", "counts.open_now", "counts.won",
            "counts.lost", "counts.no_decision", "counts.disqualified", "win_rate",
            "closing_ratio", "amounts.currency", "amounts.opened", "amounts.open_now",
            "amounts.revenue", "amounts.refunded", "amounts.lost", "amounts.no_decision",
            "amounts.average_won", "amounts.discount.amount", "amounts.discount.rate",
            "amounts.margin.amount", "amounts.margin.rate", "amounts.margin.uncosted_lines",
        ),
        _sales,
    ),
    "getStatement": Table(
        "statement",
        (
            "payee", "period", "kind", "component", "plan_name", "plan_version", "deal",
            "booked_on", "earned_period", "base", "base_currency", "amount", "amount_currency",
            "reason", "sentence",
        ),
        _statement,
    ),
}  # fmt: skip
