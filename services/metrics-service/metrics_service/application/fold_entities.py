"""The entities of a turn: their facts as they were, as they become, and what that changes."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID

from metrics_service.application.fold_codes import AGGREGATE_CODE
from metrics_service.application.fold_order import EntityKey, Place
from metrics_service.application.fold_routes import Incoming, Kind
from metrics_service.projections.columns import (
    AssetColumns,
    DealColumns,
    JourneyColumns,
    asset_columns,
    deal_columns,
    journey_columns,
)
from metrics_service.projections.contributions import (
    asset_shape,
    deal_shape,
    journey_shape,
)
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import (
    AssetFacts,
    DealFacts,
    Facts,
    JourneyFacts,
    load_asset,
    load_deal,
    load_journey,
)
from metrics_service.projections.shape import Shape

Columns = AssetColumns | DealColumns | JourneyColumns
NO_SHAPE: Final = Shape()
BEFORE_ALL: Final = -1  # the place in the turn of an event that did not happen in it


class EntityRow(NamedTuple):
    """An entity as stored. `derived_by` are the rules of its contributions where those are not the present ones."""

    key: EntityKey
    tenant_id: UUID
    sequences: tuple[int, ...]
    facts: bytes | None
    derived_by: int | None


class _Sort(NamedTuple):
    """What can be done with the facts of one kind of entity."""

    kind: Kind
    new: Callable[[], Facts]
    load: Callable[[bytes], Facts]
    shape: Callable[[UUID, Any, Definitions], Shape]
    columns: Callable[[Any, Definitions], Columns]


_SORTS: Final = {
    AGGREGATE_CODE["deal"]: _Sort(Kind.DEAL, DealFacts, load_deal, deal_shape, deal_columns),
    AGGREGATE_CODE["lead"]: _Sort(
        Kind.JOURNEY, JourneyFacts, load_journey, journey_shape, journey_columns
    ),
    AGGREGATE_CODE["asset"]: _Sort(Kind.ASSET, AssetFacts, load_asset, asset_shape, asset_columns),
}


class Entity:
    """One entity in a turn. Its facts are opened when something may change them, not before."""

    __slots__ = ("_sort", "before", "data", "derived_by", "facts", "key", "last", "place", "stored")

    def __init__(self, key: EntityKey, place: Place, row: EntityRow | None) -> None:
        self.key = key
        self.place = place
        self.stored = row is not None
        self.data = row.facts if row else None
        self.derived_by = row.derived_by if row else None
        self.facts: Facts | None = None
        self.before = NO_SHAPE
        self.last = BEFORE_ALL  # the place in the turn of the last event that touched it
        self._sort = _SORTS.get(key[0])

    @property
    def id(self) -> UUID:
        """Its id."""
        return UUID(int=self.key[1])

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return self._sort.kind if self._sort else Kind.STREAM

    def open(self, rules: Definitions) -> Facts:
        """Read its facts, and keep what they contributed under the rules they were last derived by."""
        assert self._sort is not None
        if self.data is None:
            self.facts = self._sort.new()
        else:
            self.facts = self._sort.load(self.data)
            self.before = self._sort.shape(self.id, self.facts, rules)
        return self.facts

    def shape(self, rules: Definitions) -> Shape:
        """Return what it contributes now."""
        assert self._sort is not None
        return self._sort.shape(self.id, self.facts, rules)

    def columns(self, rules: Definitions) -> Columns:
        """Return what lists show of it now."""
        assert self._sort is not None
        return self._sort.columns(self.facts, rules)


def apply(facts: Facts, incoming: Incoming) -> None:
    """Take an event into facts."""
    facts.apply(
        incoming.route.spec.type,
        incoming.event,
        event_id=incoming.event_id,
        sequence=incoming.sequence or 0,
        time=incoming.occurred_at,
    )
