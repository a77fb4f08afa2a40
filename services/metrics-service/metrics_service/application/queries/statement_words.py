"""Statement lines in plain words: a person must be able to follow them to the last minor unit."""

from fractions import Fraction
from typing import Final

from metrics_service.application.words import (
    exact_money_text,
    joined,
    money_text,
    percent_text,
    plural,
)
from metrics_service.projections.pay.lines import (
    COST_UNKNOWN,
    LOSS_FLOORED,
    OTHER_CURRENCY,
    Line,
)
from metrics_service.projections.pay.plan import CompiledComponent
from metrics_service.projections.pay.statement import ComponentStatement

_PERIOD: Final = {"month": "month", "quarter": "quarter", "year": "year"}


def line_sentence(stated: ComponentStatement, line: Line, split: Fraction | None) -> str:
    """Tell how a deal came to its amount: what it measures, whose it is, at which rate."""
    nothing = _nothing(stated, line)
    if nothing:
        return nothing
    parts = [_credit(stated, line, split), _paid(stated, line), _rounded(stated, line)]
    return " ".join(part for part in (*parts, _doubts(stated.component, line)) if part)


def _nothing(stated: ComponentStatement, line: Line) -> str | None:
    """Tell why a deal counts for nothing; None where it counts."""
    zero = money_text(0, stated.plan.currency)
    if line.deal.reason == OTHER_CURRENCY:
        return f"{zero}: the deal is in another currency than the plan pays in."
    if line.deal.reason == LOSS_FLOORED:
        return f"{zero}: the deal was sold below cost, and under this plan a loss counts as zero."
    if line.deal.reason == COST_UNKNOWN and line.deal.deal_base_minor == 0:
        lines = plural(line.deal.uncosted_lines, "line")
        return f"{zero}: the cost of {lines} is not known, and without a cost there is no margin."
    if line.deal.refunded == 1:
        return f"{zero}: the deal was paid back in full."
    return None


def _credit(stated: ComponentStatement, line: Line, split: Fraction | None) -> str:
    currency = stated.plan.currency
    measured = f"{stated.component.measure.capitalize()} of this deal"
    if line.deal.refunded:
        measured += f" after paying back {percent_text(line.deal.refunded)}"
    whole = f"{measured}: {money_text(line.deal.deal_base_minor, currency)}"
    base = line.deal.vector.base_minor
    if base == line.deal.deal_base_minor:
        return f"{whole}."
    share = f" of {percent_text(split)}" if split is not None else ""
    return f"{whole}; your share{share} is {money_text(base, currency)}."


def _paid(stated: ComponentStatement, line: Line) -> str:
    component, currency = stated.component, stated.plan.currency
    amount = money_text(line.amount_minor, currency)
    if component.basis is None:
        base = money_text(line.deal.vector.base_minor, currency)
        return f"{percent_text(component.rate)} of {base} is {amount}."
    if component.marginal:
        return _walked(stated, line, amount)
    (tier,) = line.tiers
    base = money_text(line.deal.vector.base_minor, currency)
    rate = percent_text(tier.rate)
    why = f"{_key(stated)} puts all of it at {rate}, the row from {_bound(component, tier.bound)}"
    return (
        f"Your {_PERIOD[component.period]} as a whole decides: {why}. {rate} of {base} is {amount}."
    )


def _walked(stated: ComponentStatement, line: Line, amount: str) -> str:
    currency = stated.plan.currency
    way = (
        f"It takes your {_PERIOD[stated.component.period]} from"
        f" {money_text(line.before_minor, currency)} to {money_text(line.after_minor, currency)}"
    )
    steps = [
        f"{percent_text(tier.rate)} of {exact_money_text(tier.part, currency)}"
        for tier in line.tiers
    ]
    return f"{way}: {joined(steps) or 'nothing'} is {amount}."


def _key(stated: ComponentStatement) -> str:
    """Name what the table is looked up by, with its value."""
    basis, currency = stated.component.basis, stated.plan.currency
    if basis == "attainment":
        if stated.attainment is None:
            return "no quota is set, which"
        return f"an attainment of {percent_text(stated.attainment)}"
    if basis == "avg_margin_pct":
        if stated.average_margin is None:
            return "no margin is known, which"
        return f"an average margin of {percent_text(stated.average_margin)}"
    if basis == "count":
        return f"a count of {plural(stated.vector.deals, 'deal')}"
    return f"a total of {money_text(stated.vector.base_minor, currency)}"


def _bound(component: CompiledComponent, bound: Fraction) -> str:
    if component.basis in {"attainment", "avg_margin_pct"}:
        return percent_text(bound)
    return str(bound)


def _rounded(stated: ComponentStatement, line: Line) -> str:
    if not line.rounding:
        return ""
    exact = exact_money_text(line.exact, stated.plan.currency)
    return f"Exactly {exact}: the {_PERIOD[stated.component.period]} is rounded once, as a whole."


def _doubts(component: CompiledComponent, line: Line) -> str:
    found = []
    if component.on_margin and line.deal.uncosted_lines:
        lines = plural(line.deal.uncosted_lines, "line")
        found.append(f"{lines} without a known cost earned nothing.")
    if line.deal.assumed_lines:
        lines = plural(line.deal.assumed_lines, "line")
        found.append(f"{lines} of the deal rest on a cost that an import assumed.")
    return " ".join(found)
