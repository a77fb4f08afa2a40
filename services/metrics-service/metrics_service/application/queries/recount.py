"""Counting again from entities what no counter knows: several dimensions at once, and who is behind a number.

The same pure contributions that the fold adds up are asked which of them count; there is no second
truth that could differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from metrics_service.application.queries.cut import Cut, Dimension
from metrics_service.application.queries.org import ORG_LABELS, Org
from metrics_service.projections.contributions import deal_shape, journey_shape
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import DealFacts, JourneyFacts
from metrics_service.projections.keys import (
    DurationKey,
    FunnelKey,
    Key,
    LeadUseKey,
    PipelineKey,
    SalesKey,
    Vector,
)
from metrics_service.projections.shape import Shape

Entity = Literal["deal", "lead"]

# Where in a key's fields after `dim, value` its day is; what is open is looked at today.
_DAY_AT: Final[dict[type[Any], int]] = {FunnelKey: 1, SalesKey: 1, DurationKey: 1, LeadUseKey: 0}
_LABELLED: Final = 2  # the place in a deal's shape of the group that carries account and product
_BARE: Final[Mapping[str, str]] = {}  # a lead has no product and no account: it counts under none


class Hit(NamedTuple):
    """One entity's part in one counter, under the group of the cut."""

    entity: Entity
    id: UUID
    group: str
    key: Key  # as it is under dimension "all"
    vector: Any


@dataclass(frozen=True, slots=True)
class Rules:
    """What contributions are computed with, and what day it is."""

    definitions: Definitions
    org: Org
    today: date


class Recount:
    """The parts that entities have in the counters, under the filters and the group of a cut."""

    def __init__(
        self,
        cut: Cut,
        rules: Rules,
        *,
        deals: Sequence[tuple[UUID, DealFacts]] = (),
        leads: Sequence[tuple[UUID, JourneyFacts]] = (),
    ) -> None:
        self._cut = cut
        self._rules = rules
        self._deals = deals
        self._leads = leads
        self._by_product = "product" in cut.dimensions

    def hits(self, kind: type[Key]) -> Iterator[Hit]:
        """Yield the parts in counters of one kind: those with a day on the days of the cut."""
        rules = self._rules.definitions
        for lead_id, journey in self._leads:
            shape = journey_shape(lead_id, journey, rules)
            yield from self._of("lead", lead_id, shape, kind, _BARE)
        for deal_id, deal in self._deals:
            shape = deal_shape(deal_id, deal, rules)
            labels = dict(shape.groups[_LABELLED].dims)
            yield from self._of("deal", deal_id, shape, kind, labels)
            if self._by_product:
                yield from self._sold_by_product(deal_id, shape, kind, labels)

    def _of(
        self, entity: Entity, id_: UUID, shape: Shape, kind: type[Key], labels: Mapping[str, str]
    ) -> Iterator[Hit]:
        for group in shape.groups:
            dims = dict(group.dims)
            if kind is FunnelKey:
                dims = {**labels, **dims}  # steps are counted under the labels of the entity
            for (cell_kind, head, tail), vector in group.cells.items():
                if cell_kind is kind:
                    yield from self._counted(entity, id_, (kind, head, tail), vector, dims)

    def _sold_by_product(
        self, deal_id: UUID, shape: Shape, kind: type[Key], labels: Mapping[str, str]
    ) -> Iterator[Hit]:
        """Yield what a won deal counts under each product: the lines of that product alone."""
        for key, vector in shape.plain.items():
            if type(key) is kind and isinstance(key, SalesKey | DurationKey):
                place = key._fields.index("dim")
                cell = (kind, tuple(key[:place]), tuple(key[place + 2 :]))
                dims = {**labels, "product": key.value}
                yield from self._counted("deal", deal_id, cell, vector, dims)

    def _counted(
        self,
        entity: Entity,
        id_: UUID,
        cell: tuple[type[Key], tuple[object, ...], tuple[object, ...]],
        vector: Vector,
        dims: Mapping[str, str],
    ) -> Iterator[Hit]:
        kind, head, tail = cell
        day = self._day(kind, tail)
        if day is None or not self._cut.holds(dims["owner"], day):
            return
        if not all(
            self._value(dims, dimension, day) == wanted
            for dimension, wanted in self._cut.filters.items()
        ):
            return
        group = self._value(dims, self._cut.group_by, day) if self._cut.group_by else ""
        if group is not None:
            make: Any = kind
            yield Hit(entity, id_, group, make(*head, "all", "", *tail), vector)

    def _day(self, kind: type[Key], tail: tuple[object, ...]) -> date | None:
        """Return the day that a part counts on, None where it is not in the window."""
        if kind is PipelineKey:
            return self._rules.today
        day = tail[_DAY_AT[kind]]
        assert isinstance(day, date)
        return day if self._cut.window.from_ <= day < self._cut.window.to else None

    def _value(self, dims: Mapping[str, str], dimension: Dimension, day: date) -> str | None:
        """Return the value under a dimension; None where the part is not counted by it."""
        if dimension == "person":
            return dims["owner"]
        for kind in ORG_LABELS:
            if dimension == kind:
                return self._rules.org.label(dims["owner"], kind, day)
        return dims.get(dimension)
