"""One turn of the fold between its locks: order, journal, differences, pay."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from metrics_service.application.fold_differences import Differences
from metrics_service.application.fold_entities import Entity
from metrics_service.application.fold_order import (
    Dead,
    EntityKey,
    Known,
    Ordered,
    Place,
    Sequencer,
    aggregates_of,
)
from metrics_service.application.fold_ports import Standing, Turn
from metrics_service.application.fold_project import project, read_older
from metrics_service.application.fold_routes import Incoming
from metrics_service.application.fold_rules import Numbered, RulesCache, TenantRules, tenants_of
from onefunnel import faults


class How(NamedTuple):
    """In which way a turn is made."""

    slowly: bool = False  # the journal is asked row by row what it has
    drain: bool = True  # what was parked and is next is applied too
    released: frozenset[UUID] = (
        frozenset()
    )  # are parked or dead, and are to be applied all the same


PLAINLY: Final = How()


class Batch(NamedTuple):
    """What a turn is to fold: events, and records that cannot be read."""

    events: Sequence[Incoming]
    unreadable: Sequence[Dead] = ()


async def fold(
    turn: Turn,
    standing: Standing,
    cache: RulesCache,
    batch: Batch,
    how: How = PLAINLY,
) -> Ordered:
    """Apply a turn's events inside its transaction. Whatever is raised, the caller rolls back."""
    rules = await _rules(turn, standing, cache, batch.events)
    entities = await _entities(turn, standing, batch.events)
    faults.point("fold.after_entities")
    known = await _known(turn, standing, entities, batch, how)
    faults.point("fold.after_duplicates")
    work = Differences(entities, rules, cache)
    ordered = await _journal(turn, work, known, batch, how)
    faults.point("fold.after_journal")
    await project(turn, ordered.applied, work)
    faults.point("fold.after_differences")
    return ordered


async def _rules(
    turn: Turn, standing: Standing, cache: RulesCache, events: Sequence[Incoming]
) -> dict[UUID, TenantRules]:
    rules = {}
    for tenant_id in tenants_of(events):
        numbered = standing.rules.get(tenant_id, Numbered())
        snapshot = cache.get(turn.generation, tenant_id, numbered.number)
        if snapshot is None:
            snapshot = await turn.definitions(tenant_id, numbered.number)
            cache.put(turn.generation, tenant_id, numbered.number, snapshot)
        rules[tenant_id] = TenantRules(numbered, snapshot)
    return rules


async def _entities(
    turn: Turn, standing: Standing, events: Iterable[Incoming]
) -> dict[EntityKey, Entity]:
    keys = {i.key for i in events if i.sequence is not None}
    pending = any(numbered.pending for numbered in standing.rules.values())
    rows = await turn.entities(sorted(keys), pending=pending)
    return {
        row.key: Entity(row.key, Place(row.tenant_id, list(row.sequences)), row) for row in rows
    }


async def _known(
    turn: Turn,
    standing: Standing,
    entities: Mapping[EntityKey, Entity],
    batch: Batch,
    how: How,
) -> Known:
    """Look up what may have been seen before, under the entities' locks.

    An ordered event beyond its aggregate's position cannot be in the journal; only the others are
    looked for there. (Its id may be, with another event: then the journal's key says so.)
    """
    events = batch.events
    broken = [d.what.event_id for d in batch.unreadable if d.what.event_id is not None]
    past = [i.event_id for i in events if _is_past(i, entities)]
    records = await turn.journal_records([*past, *broken])
    if standing.anything_parked or standing.anything_dead:
        ids = [i.event_id for i in events if i.event_id not in how.released]
        for number, more in (await turn.waiting_records([*ids, *broken])).items():
            records.setdefault(number, []).extend(more)
    waiting: Sequence[Incoming] = ()
    if standing.anything_parked and how.drain:
        waiting = await turn.parked(aggregates_of(events))
    return Known(records, [i for i in waiting if i.event_id not in how.released])


def _is_past(incoming: Incoming, entities: Mapping[EntityKey, Entity]) -> bool:
    if incoming.sequence is None:
        return True
    entity = entities.get(incoming.key)
    return entity is not None and incoming.sequence <= entity.place.sequences[incoming.route.slot]


async def _journal(turn: Turn, work: Differences, known: Known, batch: Batch, how: How) -> Ordered:
    """Order the events and write each to its one place: the journal, the parked or the dead."""
    ordered = _order(work.entities, known, batch, how)
    while how.slowly and (held := await turn.append_slowly(ordered[0].applied)):
        known = Known({**known.records, **await turn.journal_records(held)}, known.waiting)
        ordered = _order(work.entities, known, batch, how)
    found, places = ordered
    _move(work.entities, places)
    found.dead += _not_yet_dead(batch.unreadable, known)
    await turn.unpark(found.drained)
    await turn.park(found.parked)
    await turn.bury(found.dead)
    await read_older(turn, work)
    if not how.slowly:
        await turn.append(found.applied)
    return found


def _order(
    entities: Mapping[EntityKey, Entity], known: Known, batch: Batch, how: How
) -> tuple[Ordered, dict[EntityKey, Place]]:
    places = {key: Place(e.place.tenant_id, list(e.place.sequences)) for key, e in entities.items()}
    return Sequencer(places, known, drain=how.drain).take(batch.events), places


def _not_yet_dead(unreadable: Sequence[Dead], known: Known) -> list[Dead]:
    """Leave out records that are remembered already: the log may hold a record twice."""
    seen = {record for records in known.records.values() for record in records}
    found = []
    for dead in unreadable:
        if dead.what.event_id is None or dead.record not in seen:
            found.append(dead)
            seen.add(dead.record)
    return found


def _move(entities: dict[EntityKey, Entity], places: Mapping[EntityKey, Place]) -> None:
    """Take over the positions that the order came to; an entity without one yet is new."""
    for key, place in places.items():
        entity = entities.get(key)
        if entity is not None:
            entity.place = place
        elif any(place.sequences):
            entities[key] = Entity(key, place, None)
