"""A plan version as the engine reads it: decimals as exact fractions, tables ready to walk."""

from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Literal

from msgspec import Struct

from metrics_service.projections.calendar import Granularity
from onefunnel.events import plans


class RowText(Struct, array_like=True, frozen=True):
    """One row `[from, next)` as published."""

    from_: str
    rate: str | None
    x: str | None


class ComponentText(Struct, array_like=True, frozen=True):
    """One component as published."""

    id: str
    kind: str
    measure: str
    negative_margin: str
    roles: tuple[str, ...]
    products: tuple[str, ...] | None
    source: str | None
    period: Granularity
    rate: str | None
    basis: str | None
    mode: str | None
    table: tuple[RowText, ...]


class PlanVersion(Struct, array_like=True, frozen=True):
    """One published version of a plan."""

    sequence: int
    version: int
    name: str
    currency: str
    rounding: str
    components: tuple[ComponentText, ...]


def plan_version(event: plans.PlanActivated, sequence: int) -> PlanVersion:
    """Return the version that an event puts into force.

    Raises ValueError where it cannot be computed with, so that it fails here and not in every deal.
    """
    document = event.plan
    version = PlanVersion(
        sequence,
        document.version,
        document.name,
        document.currency,
        document.rounding,
        tuple(_component(component) for component in document.components),
    )
    for component in compiled_plan(version).components:
        component.check()
    return version


def _component(component: plans.Component) -> ComponentText:
    tiers = component.tiers
    products = component.products
    return ComponentText(
        id=component.id,
        kind=component.kind,
        measure=component.measure,
        negative_margin=component.negative_margin,
        roles=tuple(component.roles),
        products=None if products is None else tuple(str(product) for product in products),
        source=component.source,
        period=component.period,
        rate=component.rate,
        basis=tiers.basis if tiers else None,
        mode=tiers.mode if tiers else None,
        table=tuple(RowText(row.from_, row.rate, row.x) for row in tiers.table) if tiers else (),
    )


class Row(Struct, frozen=True):
    """One row of a rate table; it holds from its bound, included, to the next row's, excluded."""

    bound: Fraction
    rate: Fraction


Basis = Literal["amount", "attainment", "count", "avg_margin_pct"]


class CompiledComponent:
    """A component, ready to compute with."""

    def __init__(self, text: ComponentText) -> None:
        self.id = text.id
        self.measure = text.measure
        self.on_margin = text.measure == "margin"
        self.floors = self.on_margin and text.negative_margin == "zero"
        self.roles = frozenset(text.roles)
        self.products = None if text.products is None else frozenset(text.products)
        self.source = text.source
        self.period: Granularity = text.period
        self.basis = text.basis
        self.marginal = text.mode == "marginal"
        self._text = text

    def check(self) -> None:
        """Raise ValueError where a decimal cannot be read or a table has no row."""
        rates = (self.rate, *(row.rate for row in self.rows))
        if self.basis is not None and len(rates) == 1:
            raise ValueError("a table has at least one row")

    @property
    def needs_quota(self) -> bool:
        """Say whether the table is looked up by attainment."""
        return self.basis == "attainment"

    @cached_property
    def rate(self) -> Fraction:
        """The flat rate, or the rate that multipliers multiply."""
        return Fraction(self._text.rate or "0")

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The table with every row as a rate."""
        return tuple(Row(Fraction(row.from_), self._rate_of(row)) for row in self._text.table)

    def _rate_of(self, row: RowText) -> Fraction:
        if row.rate is not None:
            return Fraction(row.rate)
        return self.rate * Fraction(row.x or "0")


class CompiledPlan:
    """A plan version, ready to compute with."""

    def __init__(self, version: PlanVersion) -> None:
        self.version = version.version
        self.name = version.name
        self.currency = version.currency
        self.rounding = version.rounding
        self.components = tuple(CompiledComponent(text) for text in version.components)
        self.component_of = {component.id: component for component in self.components}


@lru_cache(maxsize=1_024)
def compiled_plan(version: PlanVersion) -> CompiledPlan:
    """Return a version compiled; snapshots of the same rules share it."""
    return CompiledPlan(version)
