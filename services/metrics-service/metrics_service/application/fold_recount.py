"""Counting everything anew from the journal: each entity's events at once, its contributions once.

The same facts and contributions as in a turn, without turns: what a rebuild writes down and what a
verification compares with.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec

from metrics_service.application.fold_codes import AGGREGATE_NAME, TYPE_NAME
from metrics_service.application.fold_entities import NO_SHAPE, Columns, Entity
from metrics_service.application.fold_order import AggregateKey, EntityKey, Place
from metrics_service.application.fold_routes import ROUTES, SEQUENCES, Kind, entity_of
from metrics_service.projections.columns import deal_credits
from metrics_service.projections.definitions import REFERENCE_TYPES, Definitions
from metrics_service.projections.facts import FEEDING, DealFacts, dump
from metrics_service.projections.keys import Key, Vector
from metrics_service.projections.shape import add_difference
from onefunnel.events.fast import decode_data

_ENTITY: Final = {code: entity_of(name) for code, name in AGGREGATE_NAME.items() if name != "none"}
_KIND: Final = {route.owner_code: route.kind for route in ROUTES.values()}

ENTITY_CODES: Final = tuple(
    sorted({r.aggregate_code for r in ROUTES.values() if r.kind not in {Kind.STREAM, Kind.NOTHING}})
)
STREAM_CODES: Final = tuple(
    sorted({r.aggregate_code for r in ROUTES.values() if r.kind is Kind.STREAM})
)
RULE_CODES: Final = tuple(sorted({r.aggregate_code for r in ROUTES.values() if r.rules}))
FEEDING_CODES: Final = tuple(
    sorted(r.type_code for r in ROUTES.values() if r.spec.type in FEEDING | REFERENCE_TYPES)
)


class JournalRow(NamedTuple):
    """One journaled event; `record` is None where only its sequence matters."""

    aggregate_id: UUID
    aggregate_code: int
    sequence: int
    type_code: int
    tenant_id: UUID
    record: bytes | None


class Journal(Protocol):
    """The journal as it was at one instant."""

    async def rules(self) -> Sequence[JournalRow]:
        """Return every event about rules, by tenant, aggregate and sequence."""
        ...

    def entities(self) -> AsyncIterator[Sequence[JournalRow]]:
        """Yield every event of entities, by id, aggregate and sequence, some thousands at a time."""
        ...

    async def stepped_over(self) -> Mapping[AggregateKey, tuple[UUID, int]]:
        """Return the last sequence that each aggregate went on without, and its tenant."""
        ...


class Counted(NamedTuple):
    """An entity as the journal makes it."""

    kind: Kind
    id: UUID
    tenant_id: UUID
    sequences: tuple[int, ...]
    columns: Columns
    facts: bytes
    credits: Sequence[tuple[UUID, object]]


class _Body(msgspec.Struct, frozen=True, gc=False):
    """What a fold needs of an envelope once it is in the journal."""

    id: UUID
    time: datetime
    data: msgspec.Raw


_body = msgspec.json.Decoder(_Body).decode


async def rules_of(journal: Journal) -> dict[UUID, Definitions]:
    """Return the rules of every tenant."""
    found: dict[UUID, Definitions] = {}
    for row in await journal.rules():
        assert row.record is not None
        type_, body = TYPE_NAME[row.type_code], _body(row.record)
        event = decode_data(type_, body.data)
        rules = found.get(row.tenant_id, Definitions.empty())
        found[row.tenant_id] = rules.apply(type_, event, event_id=body.id, sequence=row.sequence)
    return found


class Recount:
    """Counts entities one after the other; `totals` grow by what each contributes."""

    def __init__(
        self,
        rules: Mapping[UUID, Definitions],
        stepped_over: Mapping[AggregateKey, tuple[UUID, int]],
    ) -> None:
        self._rules = rules
        self._missing = {
            key: found for key, found in stepped_over.items() if key[0] in ENTITY_CODES
        }
        self.totals: dict[UUID, dict[Key, Vector]] = {}

    def count(self, rows: Iterable[JournalRow]) -> Iterator[Counted]:
        """Count whole entities: all rows of each, in order."""
        for _, same in groupby(rows, key=itemgetter(0)):
            by_entity: dict[int, list[JournalRow]] = {}
            for row in same:
                by_entity.setdefault(_ENTITY[row[1]][0], []).append(row)
            for owner_code, mine in by_entity.items():
                yield self._count((owner_code, mine[0][0].int), mine)

    def rest(self) -> Iterator[Counted]:
        """Count the entities of which every event was discarded."""
        by_entity: dict[EntityKey, UUID] = {}
        for (code, id_), (tenant_id, _) in sorted(self._missing.items()):
            by_entity[_ENTITY[code][0], id_.int] = tenant_id
        for key, tenant_id in by_entity.items():
            yield self._finish(Entity(key, Place(tenant_id, [0, 0, 0]), None))

    def _count(self, key: EntityKey, rows: Sequence[JournalRow]) -> Counted:
        entity = Entity(key, Place(rows[0][4], [0, 0, 0]), None)
        facts, sequences = entity.open(self._rules_of(entity)), entity.place.sequences
        for _, code, sequence, type_code, _, record in rows:
            sequences[_ENTITY[code][1]] = sequence
            if record is not None:
                type_, body = TYPE_NAME[type_code], _body(record)
                event = decode_data(type_, body.data)
                facts.apply(type_, event, event_id=body.id, sequence=sequence, time=body.time)
        return self._finish(entity)

    def _finish(self, entity: Entity) -> Counted:
        rules, place = self._rules_of(entity), entity.place
        facts = entity.facts or entity.open(rules)
        if self._missing:
            self._step_over(entity)
        totals = self.totals.setdefault(place.tenant_id, {})
        add_difference(totals, NO_SHAPE, entity.shape(rules))
        return Counted(
            kind=entity.kind,
            id=entity.id,
            tenant_id=place.tenant_id,
            sequences=tuple(place.sequences[: SEQUENCES[entity.kind]]),
            columns=entity.columns(rules),
            facts=dump(facts),
            credits=deal_credits(facts, rules) if isinstance(facts, DealFacts) else (),
        )

    def _step_over(self, entity: Entity) -> None:
        for code, (owner_code, slot) in _ENTITY.items():
            if owner_code == entity.key[0]:
                found = self._missing.pop((code, entity.id), None)
                if found:
                    sequences = entity.place.sequences
                    sequences[slot] = max(sequences[slot], found[1])

    def _rules_of(self, entity: Entity) -> Definitions:
        return self._rules.get(entity.place.tenant_id) or Definitions.empty()


async def whole_entities(
    chunks: AsyncIterator[Sequence[JournalRow]],
) -> AsyncIterator[list[JournalRow]]:
    """Cut chunks of rows anew, so that no entity is in two of them."""
    kept: list[JournalRow] = []
    async for chunk in chunks:
        kept += chunk
        last = kept[-1][0]
        cut = len(kept)
        while cut and kept[cut - 1][0] == last:
            cut -= 1
        if cut:
            yield kept[:cut]
            kept = kept[cut:]
    if kept:
        yield kept
