"""What an operator can do about a dead event: try it again, or leave it out for good."""

from collections.abc import Mapping
from typing import Final, Literal
from uuid import UUID

from metrics_service.application.fold_codes import AGGREGATE_NAME
from metrics_service.application.fold_differences import Differences
from metrics_service.application.fold_entities import Entity
from metrics_service.application.fold_isolate import drain, fold_one
from metrics_service.application.fold_order import Dead, Place
from metrics_service.application.fold_ports import FoldStore, Turn
from metrics_service.application.fold_project import save_entities
from metrics_service.application.fold_routes import (
    ROUTES,
    Kind,
    Unreadable,
    entity_of,
    read,
)
from metrics_service.application.fold_rules import Numbered, RulesCache, TenantRules
from onefunnel.audit.entry import Marked
from onefunnel.errors import conflict

Outcome = Literal["redriven", "still-dead"]

_RULE_CODES: Final = {route.aggregate_code for route in ROUTES.values() if route.rules}


async def redrive(store: FoldStore, dead_id: int, by: Marked) -> Outcome:
    """Fold a dead event as if it came now, and what waited for it. Twice changes nothing."""
    async with store.turn() as turn:
        dead = await _open(turn, dead_id)
        await turn.witness(by)
        tenants = _tenants(dead)
        found: Dead | None
        try:
            incoming = read(dead.spot[:2], dead.spot.position, dead.record)
            found = await fold_one(turn, tenants, incoming, released=True)
        except Unreadable as error:
            found = dead._replace(reason=error.reason, detail=error.detail)
        if found:
            await turn.fail_again(dead_id, found)
            return "still-dead"
        await turn.settle_dead(dead_id, "redriven", by.entry.principal_id)
        return "redriven"


async def discard(store: FoldStore, dead_id: int, by: Marked) -> None:
    """Leave a dead event out for good: its aggregate goes on without it.

    Refused while an earlier event of the same aggregate is missing: that one comes first.
    """
    async with store.turn() as turn:
        dead = await _open(turn, dead_id)
        await turn.witness(by)
        what, tenants = dead.what, _tenants(dead)
        stepped = what.sequence is not None and await _step_over(turn, tenants, dead)
        await turn.settle_dead(dead_id, "discarded", by.entry.principal_id, stepped_over=stepped)
        if stepped and what.aggregate_code and what.aggregate_id and what.sequence:
            await drain(turn, tenants, (what.aggregate_code, what.aggregate_id), what.sequence)


async def _open(turn: Turn, dead_id: int) -> Dead:
    dead = await turn.open_dead(dead_id)
    if dead is None:
        raise conflict("The dead letter is settled already.", code="already-decided")
    return dead


def _tenants(dead: Dead) -> Mapping[UUID, bool]:
    """Return the tenant to lock: alone where the event may change its rules."""
    if dead.what.tenant_id is None:
        return {}
    return {dead.what.tenant_id: dead.what.aggregate_code in _RULE_CODES}


async def _step_over(turn: Turn, tenants: Mapping[UUID, bool], dead: Dead) -> bool:
    """Move the aggregate's position over the event; say whether it was the next one."""
    what = dead.what
    assert what.tenant_id is not None
    assert what.aggregate_id is not None
    assert what.sequence is not None
    standing = await turn.lock_tenants(tenants)
    numbered = standing.rules.get(what.tenant_id, Numbered())
    rules = TenantRules(numbered, await turn.definitions(what.tenant_id, numbered.number))
    owner_code, slot = entity_of(AGGREGATE_NAME[what.aggregate_code or 0])
    key = (owner_code, what.aggregate_id.int)
    rows = await turn.entities([key], pending=False)
    if rows and rows[0].tenant_id != what.tenant_id:
        return False
    place = Place(what.tenant_id, list(rows[0].sequences) if rows else [0, 0, 0])
    if what.sequence <= place.sequences[slot]:
        return False
    if what.sequence > place.sequences[slot] + 1:
        raise conflict("An earlier event of the same aggregate is missing. Settle that one first.")
    place.sequences[slot] = what.sequence
    entity = Entity(key, place, rows[0] if rows else None)
    work = Differences({key: entity}, {what.tenant_id: rules}, RulesCache())
    work.moved.add(key)
    if not entity.stored and entity.kind is not Kind.STREAM:
        work.open(entity)
        work.compare()
    await save_entities(turn, work)
    return True
