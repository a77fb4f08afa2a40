"""From applied events to projections: entities, counters, the book, and what a change of rules moves."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from metrics_service.application.fold_differences import Differences
from metrics_service.application.fold_entities import Entity
from metrics_service.application.fold_ledger import entries
from metrics_service.application.fold_order import EntityKey, Place
from metrics_service.application.fold_ports import Period, SavedEntity, Turn
from metrics_service.application.fold_routes import SEQUENCES, Incoming, Kind
from metrics_service.application.fold_rules import TenantRules
from metrics_service.projections.affected import PayScope
from metrics_service.projections.calendar import period_bounds
from metrics_service.projections.columns import deal_credits
from metrics_service.projections.facts import DealFacts
from metrics_service.projections.keys import LedgerKey

MAX_REDERIVED: Final = 2_000  # entities that a reference event's own turn derives again


async def project(turn: Turn, applied: Sequence[Incoming], work: Differences) -> None:
    """Apply events to facts and write every difference that follows."""
    work.take(applied)
    for tenant_id, rules in work.rules.items():
        if rules.changed:
            await _change_rules(turn, tenant_id, rules, work)
    work.compare()
    await save_entities(turn, work)
    await turn.add(work.totals)
    for tenant_id, rules in work.rules.items():
        await _scopes(turn, tenant_id, rules, work)
        causes = {key: applied[place].event_id for key, place in work.causes[tenant_id].items()}
        await settle(turn, tenant_id, rules, causes)


async def read_older(turn: Turn, work: Differences) -> None:
    """Read the snapshots by which pending entities were last derived."""
    for entity in work.entities.values():
        if entity.derived_by is not None:
            await older_rules(turn, work, entity.place.tenant_id, entity.derived_by)


async def older_rules(turn: Turn, work: Differences, tenant_id: UUID, number: int) -> None:
    """Have a snapshot at hand by which some entity was derived."""
    if (tenant_id, number) in work.older:
        return
    snapshot = work.cache.get(turn.generation, tenant_id, number)
    if snapshot is None:
        snapshot = await turn.definitions(tenant_id, number)
        work.cache.put(turn.generation, tenant_id, number, snapshot)
    work.older[tenant_id, number] = snapshot


async def _change_rules(turn: Turn, tenant_id: UUID, rules: TenantRules, work: Differences) -> None:
    """Keep the new rules, and derive again what they move: now if it is little, else later."""
    assert rules.cause is not None
    await _freeze_closed(turn, tenant_id, rules, rules.cause)
    await turn.save_rules(tenant_id, rules.number + 1, rules.now, rules.cause)
    if not rules.changes:
        return
    keys = await turn.affected(tenant_id, rules.affected, MAX_REDERIVED + 1)
    if len(keys) > MAX_REDERIVED:
        await turn.postpone(tenant_id, rules.affected, rules.number)
        rules.pending = True
        await turn.settled([(tenant_id, key) for key in _opened(tenant_id, work)])
        return
    await load(turn, [key for key in keys if key not in work.entities], work)
    for key in keys:
        work.open(work.entities[key], rules.last_change)


async def _freeze_closed(turn: Turn, tenant_id: UUID, rules: TenantRules, cause: UUID) -> None:
    """Keep what the statements of a newly closed period were made of: they never change again.

    Whatever this turn changes is posted into an open period, so the state before it is the one.
    """
    for name in sorted(rules.now.closed - rules.before.closed):
        first, last = period_bounds(name, rules.before.calendar.fiscal_year_start)
        await turn.freeze(tenant_id, Period(name, first, last), rules.before, cause)


def _opened(tenant_id: UUID, work: Differences) -> list[EntityKey]:
    return [
        key
        for key, entity in work.entities.items()
        if entity.facts is not None and entity.place.tenant_id == tenant_id
    ]


async def load(turn: Turn, keys: Sequence[EntityKey], work: Differences) -> None:
    """Lock more entities; the caller holds their tenant alone, or has taken them out of `rederive`."""
    for row in await turn.entities(sorted(keys), pending=True):
        place = Place(row.tenant_id, list(row.sequences))
        work.entities[row.key] = Entity(row.key, place, row)
        if row.derived_by is not None:
            await older_rules(turn, work, row.tenant_id, row.derived_by)


async def save_entities(turn: Turn, work: Differences) -> None:
    """Write the rows of entities that changed or moved, in the order in which they were locked."""
    touched = [work.entities[key] for key in sorted(work.moved | work.changed.keys())]
    streams = {
        entity.key: (entity.place.tenant_id, entity.place.sequences[0])
        for entity in touched
        if entity.kind is Kind.STREAM
    }
    await turn.save_streams(streams)
    for kind in (Kind.DEAL, Kind.JOURNEY, Kind.ASSET):
        rows = [_saved(entity, work) for entity in touched if entity.kind is kind]
        if rows:
            await turn.save(kind, rows)
    settled = [
        (entity.place.tenant_id, entity.key)
        for entity in touched
        if entity.derived_by is not None and entity.key in work.changed
    ]
    await turn.settled(settled)


def _saved(entity: Entity, work: Differences) -> SavedEntity:
    place, data = entity.place, work.changed.get(entity.key)
    rules = work.rules[place.tenant_id].now
    facts = entity.facts if data is not None else None
    return SavedEntity(
        id=entity.id,
        tenant_id=place.tenant_id,
        sequences=tuple(place.sequences[: SEQUENCES[entity.kind]]),
        stored=entity.stored,
        columns=entity.columns(rules) if facts is not None else None,
        facts=data,
        credits=deal_credits(facts, rules) if isinstance(facts, DealFacts) else (),
    )


async def _scopes(turn: Turn, tenant_id: UUID, rules: TenantRules, work: Differences) -> None:
    """Add the ledger keys that a change of rules moves though no deal under them changed."""
    for place, affected in rules.changes:
        for key in affected.ledger:
            work.because(tenant_id, key, place)
        if affected.pay:
            scopes: Sequence[PayScope] = affected.pay
            for key in await turn.pay_keys(tenant_id, scopes):
                work.because(tenant_id, key, place)


async def settle(
    turn: Turn, tenant_id: UUID, rules: TenantRules, causes: dict[LedgerKey, UUID]
) -> None:
    """Bring the book to what is owed, or remember to while some entities follow older rules."""
    if not causes:
        return
    if rules.pending:
        await turn.defer(tenant_id, causes)
        return
    balances = await turn.balances(tenant_id, causes.keys())
    await turn.post(list(entries(tenant_id, causes, balances, rules.now)))
