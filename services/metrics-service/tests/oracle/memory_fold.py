"""A fold in memory: difference folding over dicts, as plain as it can be."""

from collections import defaultdict
from uuid import UUID

from metrics_service.projections.affected import Affected, affected
from metrics_service.projections.columns import deal_credits
from metrics_service.projections.contributions import asset_shape, deal_shape, journey_shape
from metrics_service.projections.definitions import REFERENCE_TYPES, Definitions
from metrics_service.projections.facts import (
    AssetFacts,
    DealFacts,
    JourneyFacts,
    dump,
    load_asset,
    load_deal,
    load_journey,
)
from metrics_service.projections.keys import Key, LedgerKey, PayKey, Vector
from metrics_service.projections.pay.owed import ledger_key, owed
from metrics_service.projections.pay.posting import Posting, posting
from metrics_service.projections.shape import Shape, add_difference
from onefunnel.events import spec_of

from .oracle_parts import Fact

FEEDS = {
    "deal": "deal",
    "lead": "journey",
    "lead_score": "journey",
    "lead_rating": "journey",
    "asset": "asset",
}
KINDS = {
    "deal": (DealFacts, load_deal, deal_shape),
    "journey": (JourneyFacts, load_journey, journey_shape),
    "asset": (AssetFacts, load_asset, asset_shape),
}


class MemoryFold:
    """Facts, counters and ledger of one tenant."""

    def __init__(self) -> None:
        self.seen: set[UUID] = set()
        self.rules = Definitions.empty()
        self.facts: dict[UUID, tuple[str, bytes]] = {}
        self.totals: dict[Key, Vector] = {}
        self.shapes: dict[UUID, Shape] = {}
        self.pay: dict[LedgerKey, set[PayKey]] = {}
        self.posted: dict[LedgerKey, int] = defaultdict(int)
        self.ledger: list[tuple[LedgerKey, Posting, int]] = []

    def take(self, fact: Fact) -> None:
        if fact.event_id in self.seen:
            return
        self.seen.add(fact.event_id)
        spec = spec_of(fact.event)
        if spec.type in REFERENCE_TYPES:
            self._rule(spec.type, fact)
        elif spec.aggregate in FEEDS:
            self._entity(spec, fact)

    def _entity(self, spec, fact: Fact) -> None:
        kind = FEEDS[spec.aggregate]
        new, load, shape = KINDS[kind]
        id_: UUID = getattr(fact.event, spec.key)
        facts = load(self.facts[id_][1]) if id_ in self.facts else new()
        before = self._shape(id_, facts, shape) if id_ in self.facts else Shape()
        facts.apply(
            spec.type, fact.event, event_id=fact.event_id, sequence=fact.sequence, time=None
        )
        self.facts[id_] = (kind, dump(facts))
        self.shapes[id_] = shape(id_, facts, self.rules)
        self._move(before, self.shapes[id_])

    def _shape(self, id_: UUID, facts, shape) -> Shape:
        """What the entity contributes under the present rules; kept until these change."""
        if id_ not in self.shapes:
            self.shapes[id_] = shape(id_, facts, self.rules)
        return self.shapes[id_]

    def _rule(self, type_: str, fact: Fact) -> None:
        before = self.rules
        after = before.apply(type_, fact.event, event_id=fact.event_id, sequence=fact.sequence)
        what = affected(before, after, type_, fact.event)
        moved = {}
        for id_, (kind, data) in self.facts.items():
            _new, load, shape = KINDS[kind]
            facts = load(data)
            if self._moved(kind, facts, what, before):
                moved[id_] = (self._shape(id_, facts, shape), shape(id_, facts, after))
        self.rules = after
        self.shapes.clear()
        for old, new in moved.values():
            self._move(old, new)
        self._settle(self._scoped(what))

    def _moved(self, kind: str, facts, what: Affected, before: Definitions) -> bool:
        if what.everything or kind != "deal" or not what.credits:
            return what.everything
        return any(
            person == one.person_id and one.first <= day <= one.last
            for person, day in deal_credits(facts, before)
            for one in what.credits
        )

    def _scoped(self, what: Affected) -> set[LedgerKey]:
        return set(what.ledger) | {
            key
            for key in self.pay
            for scope in what.pay
            if scope.person_id in (None, key.payee_id)
            and scope.component in (None, key.component)
            and scope.period in (None, key.earned_period)
        }

    def _move(self, before: Shape, after: Shape) -> None:
        changed = add_difference(self.totals, before, after)
        for key in changed:
            self.pay.setdefault(ledger_key(key), set()).add(key)
        self._settle({ledger_key(key) for key in changed})

    def _settle(self, keys: set[LedgerKey]) -> None:
        for key in keys:
            credited = [(pay_key, self.totals[pay_key]) for pay_key in self.pay.get(key, ())]
            amount = owed(key, credited, self.rules) - self.posted[key]
            if amount:
                self.posted[key] += amount
                self.ledger.append((key, posting(key, self.rules), amount))

    def counters(self) -> dict[tuple[str, tuple], tuple[int, ...]]:
        return {
            (type(key).__name__, tuple(key)): tuple(vector)
            for key, vector in self.totals.items()
            if any(vector) and type(key) is not PayKey
        }

    def owed(self) -> dict[tuple, int]:
        return {tuple(key): amount for key, amount in self.posted.items() if amount}
