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
from metrics_service.projections.keys import Key, LedgerKey, PayKey, PayVector, Vector
from metrics_service.projections.pay.owed import ledger_key, owed
from metrics_service.projections.pay.posting import Posting, posting
from metrics_service.projections.shape import accumulate, add_to, difference
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
        self.pay: dict[LedgerKey, dict[PayKey, PayVector]] = {}
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
        before = shape(id_, facts, self.rules)
        facts.apply(
            spec.type, fact.event, event_id=fact.event_id, sequence=fact.sequence, time=None
        )
        self.facts[id_] = (kind, dump(facts))
        self._move(difference(before, shape(id_, load(self.facts[id_][1]), self.rules)))

    def _rule(self, type_: str, fact: Fact) -> None:
        before = self.rules
        after = before.apply(type_, fact.event, event_id=fact.event_id, sequence=fact.sequence)
        what = affected(before, after, type_, fact.event)
        changes: dict[Key, Vector] = {}
        for id_ in [id_ for id_ in self.facts if self._moved(id_, what, before)]:
            kind, data = self.facts[id_]
            _new, load, shape = KINDS[kind]
            accumulate(
                changes, difference(shape(id_, load(data), before), shape(id_, load(data), after))
            )
        self.rules = after
        self._move(changes, self._scoped(what))

    def _moved(self, id_: UUID, what: Affected, before: Definitions) -> bool:
        kind, data = self.facts[id_]
        if what.everything or kind != "deal":
            return what.everything
        credits_ = deal_credits(load_deal(data), before)
        return any(
            person == one.person_id and one.first <= day <= one.last
            for person, day in credits_
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

    def _move(self, changes: dict[Key, Vector], more: set[LedgerKey] = frozenset()) -> None:
        touched = set(more)
        for key, vector in changes.items():
            if isinstance(key, PayKey):
                touched.add(ledger_key(key))
                add_to(self.pay.setdefault(ledger_key(key), {}), key, vector)
            else:
                add_to(self.totals, key, vector)
        for key in touched:
            amount = owed(key, self.pay.get(key, {}).items(), self.rules) - self.posted[key]
            if amount:
                self.posted[key] += amount
                self.ledger.append((key, posting(key, self.rules), amount))

    def counters(self) -> dict[tuple[str, tuple], tuple[int, ...]]:
        return {
            (type(key).__name__, tuple(key)): tuple(vector)
            for key, vector in self.totals.items()
            if any(vector)
        }

    def owed(self) -> dict[tuple, int]:
        return {tuple(key): amount for key, amount in self.posted.items() if amount}
