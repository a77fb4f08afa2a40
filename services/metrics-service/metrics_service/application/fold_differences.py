"""What a turn changes: facts before and after, the differences of contributions, causes of pay."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from metrics_service.application.fold_entities import BEFORE_ALL, Entity, apply
from metrics_service.application.fold_order import EntityKey
from metrics_service.application.fold_routes import Incoming, Kind
from metrics_service.application.fold_rules import RulesCache, TenantRules
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import Facts, dump
from metrics_service.projections.keys import Key, LedgerKey, Vector
from metrics_service.projections.pay.owed import ledger_key
from metrics_service.projections.shape import add_difference


class Differences:
    """Collects what a turn does to its entities. Pure: reads and writes go through the caller."""

    def __init__(
        self,
        entities: dict[EntityKey, Entity],
        rules: Mapping[UUID, TenantRules],
        cache: RulesCache,
    ) -> None:
        self.entities = entities
        self.rules = rules
        self.cache = cache
        self.totals: dict[UUID, dict[Key, Vector]] = {tenant_id: {} for tenant_id in rules}
        self.causes: dict[UUID, dict[LedgerKey, int]] = {tenant_id: {} for tenant_id in rules}
        self.moved: set[EntityKey] = set()
        self.changed: dict[EntityKey, bytes] = {}  # entities whose row is written anew, with facts
        # Snapshots that pending entities were derived by, read by the caller before they are opened.
        self.older: dict[tuple[UUID, int], Definitions] = {}

    def take(self, applied: Iterable[Incoming]) -> None:
        """Take the applied events into facts and rules."""
        for place, incoming in enumerate(applied):
            route = incoming.route
            if route.kind is Kind.NOTHING:
                continue
            entity = self.entities[incoming.key]
            entity.last = place
            self.moved.add(incoming.key)
            if route.rules:
                self.rules[incoming.tenant_id].take(place, incoming)
            elif route.feeds or (not entity.stored and route.kind is not Kind.STREAM):
                apply(entity.facts or self.open(entity), incoming)

    def open(self, entity: Entity, last: int = BEFORE_ALL) -> Facts:
        """Read an entity's facts under the rules that it was last derived by."""
        entity.last = max(entity.last, last)
        tenant_id = entity.place.tenant_id
        rules = self.rules[tenant_id].before
        if entity.derived_by is not None:
            rules = self.older[tenant_id, entity.derived_by]
        return entity.facts or entity.open(rules)

    def compare(self) -> None:
        """Sum up what the opened entities contribute now, minus what they did before."""
        for key, entity in self.entities.items():
            if entity.facts is not None:
                self._compare(key, entity)

    def _compare(self, key: EntityKey, entity: Entity) -> None:
        tenant_id = entity.place.tenant_id
        rules = self.rules[tenant_id]
        assert entity.facts is not None
        data = dump(entity.facts)
        if data == entity.data and not rules.changed and entity.derived_by is None:
            return
        self.changed[key] = data
        totals = self.totals[tenant_id]
        for paid in add_difference(totals, entity.before, entity.shape(rules.now)):
            self.because(tenant_id, ledger_key(paid), entity.last)

    def because(self, tenant_id: UUID, key: LedgerKey, place: int) -> None:
        """Remember the last place in the turn that touched a ledger key."""
        causes = self.causes[tenant_id]
        causes[key] = max(place, causes.get(key, BEFORE_ALL))
