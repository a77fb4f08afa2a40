"""Checks of a plan before it is published: what can never be right is refused, the rest is asked about."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from metrics_service.projections.keys import ADJUSTMENTS
from metrics_service.projections.pay.mirror import mirror
from metrics_service.projections.pay.rounding import half_up
from onefunnel.errors import broken_rule
from onefunnel.events.plans import Component, PlanDocument, TierRow, Tiers

# Ten times what is sold is a slip of the decimal point, not a plan.
MAX_RATE = 10
_EXAMPLE_MARGIN = Fraction(40, 100)
_EXAMPLE_DISCOUNT = Fraction(10, 100)


def check_plan(document: PlanDocument) -> list[str]:
    """Return what a careful reader would ask about. Raises `DomainError` with the place of a mistake."""
    _check_ids(document.components)
    warnings: list[str] = []
    for place, component in enumerate(document.components):
        pointer = f"/components/{place}"
        _check_component(component, pointer)
        warnings += _questions(component)
    return warnings + _about_discounts(document.components)


def _check_ids(components: tuple[Component, ...]) -> None:
    seen: set[str] = set()
    for place, component in enumerate(components):
        pointer = f"/components/{place}/id"
        if component.id in seen:
            raise broken_rule("Two components have the same id.", pointer=pointer)
        if component.id == ADJUSTMENTS:
            raise broken_rule("This id is kept for adjustments; choose another.", pointer=pointer)
        seen.add(component.id)


def _check_component(component: Component, pointer: str) -> None:
    if not component.roles:
        raise broken_rule("A component pays at least one role.", pointer=f"{pointer}/roles")
    if component.products is not None and not component.products:
        detail = "An empty list of products pays nothing; leave it out to pay all products."
        raise broken_rule(detail, pointer=f"{pointer}/products")
    if component.rate is not None:
        _check_rate(component.rate, f"{pointer}/rate")
    if component.tiers is not None:
        _check_tiers(component.tiers, component.rate, f"{pointer}/tiers")
    elif component.rate is None:
        raise broken_rule("A component has a rate or tiers.", pointer=pointer)


def _check_tiers(tiers: Tiers, rate: str | None, pointer: str) -> None:
    if tiers.mode == "marginal" and tiers.basis not in {"amount", "attainment"}:
        detail = "A marginal table pays parts of the base: its basis is amount or attainment."
        raise broken_rule(detail, pointer=f"{pointer}/mode")
    for place, row in enumerate(tiers.table):
        _check_row(row, rate, f"{pointer}/table/{place}")
    if Fraction(tiers.table[0].from_) > 0:
        detail = "The first row starts at 0 or below, so that nothing falls under the table."
        raise broken_rule(detail, pointer=f"{pointer}/table/0/from")
    for place, (row, above) in enumerate(pairwise(tiers.table), start=1):
        if Fraction(above.from_) <= Fraction(row.from_):
            raise broken_rule(
                "Rows ascend: each starts above the one before.",
                pointer=f"{pointer}/table/{place}/from",
            )


def _check_row(row: TierRow, rate: str | None, pointer: str) -> None:
    if (row.rate is None) == (row.x is None):
        raise broken_rule("A row has either a rate or a multiplier x.", pointer=pointer)
    if row.x is not None and rate is None:
        detail = "A multiplier needs the component's rate to multiply."
        raise broken_rule(detail, pointer=f"{pointer}/x")
    if row.rate is not None:
        _check_rate(row.rate, f"{pointer}/rate")
    if row.x is not None and rate is not None:
        _check_multiplier(row.x, rate, f"{pointer}/x")


def _check_rate(rate: str, pointer: str) -> None:
    if not 0 <= Fraction(rate) <= MAX_RATE:
        raise broken_rule(
            f"A rate is between 0 and {MAX_RATE}, of which 1 is all.", pointer=pointer
        )


def _check_multiplier(x: str, rate: str, pointer: str) -> None:
    if not 0 <= Fraction(x) * Fraction(rate) <= MAX_RATE:
        detail = f"A multiplier is not negative, and times the rate at most {MAX_RATE}."
        raise broken_rule(detail, pointer=pointer)


def _questions(component: Component) -> list[str]:
    warnings = []
    table = component.tiers.table if component.tiers else ()
    rates = [Fraction(component.rate or "0")] if not table else _row_rates(component)
    if any(rate > 1 for rate in rates):
        warnings.append(f"{component.id} pays more than 100 % of its base in some row.")
    if component.rate is not None and table and all(row.x is None for row in table):
        warnings.append(f"{component.id} has a rate that its table never uses.")
    if component.tiers and component.tiers.mode == "retroactive":
        warnings += _about_cliffs(component)
    return warnings


def _about_cliffs(component: Component) -> list[str]:
    assert component.tiers is not None
    rows, rates = component.tiers.table, _row_rates(component)
    return [
        f"{component.id}: reaching {row.from_} changes the pay of the whole period at once,"
        f" by {_percent(rate - below)} of its base."
        for row, (below, rate) in zip(rows[1:], pairwise(rates), strict=True)
        if rate != below
    ]


def _about_discounts(components: tuple[Component, ...]) -> list[str]:
    if any(component.measure == "margin" or _by_margin(component) for component in components):
        return []
    (row,) = mirror(_EXAMPLE_MARGIN, [_EXAMPLE_DISCOUNT])
    question = (
        f"This plan pays on revenue alone: at a gross margin of {_percent(_EXAMPLE_MARGIN)},"
        f" a discount of {_percent(row.discount)} costs the payee"
        f" {_percent(1 - row.kept_on_revenue)} and the company {_percent(1 - row.kept_on_margin)}"
        " of the margin."
    )
    return [question]


def _by_margin(component: Component) -> bool:
    return component.tiers is not None and component.tiers.basis == "avg_margin_pct"


def _row_rates(component: Component) -> list[Fraction]:
    assert component.tiers is not None
    flat = Fraction(component.rate or "0")
    return [
        Fraction(row.rate) if row.rate is not None else flat * Fraction(row.x or "0")
        for row in component.tiers.table
    ]


def _percent(share: Fraction) -> str:
    hundredths = half_up(share.numerator * 10_000, share.denominator)
    return f"{Decimal(hundredths).scaleb(-2).normalize():f} %"
