"""The rest of a change of rules: entities derived again in the background, then the book settled."""

from typing import Final
from uuid import UUID

from metrics_service.application.fold_differences import Differences
from metrics_service.application.fold_ports import FoldStore
from metrics_service.application.fold_project import load, save_entities, settle
from metrics_service.application.fold_rules import Numbered, RulesCache, TenantRules

BATCH: Final = 500


async def rederive(store: FoldStore, cache: RulesCache, tenant_id: UUID) -> bool:
    """Derive some of a tenant's pending entities again, or settle its book; say whether work is left.

    The same difference as in a turn. The tenant is had alone: a fold that waited for an entity while it
    is derived here would still see what it was derived by before.
    """
    async with store.turn() as turn:
        standing = await turn.lock_tenants({tenant_id: True})
        numbered = standing.rules.get(tenant_id, Numbered())
        now = await turn.definitions(tenant_id, numbered.number)
        rules = TenantRules(numbered, now)
        taken = await turn.take_pending(tenant_id, BATCH)
        if not taken:
            rules.pending = False
            await settle(turn, tenant_id, rules, dict(await turn.take_deferred(tenant_id)))
            return False
        work = Differences({}, {tenant_id: rules}, cache)
        await load(turn, list(taken), work)
        for entity in work.entities.values():
            work.open(entity)
        work.compare()
        await save_entities(turn, work)
        await turn.add(work.totals)
        cause = await turn.cause_of_rules(tenant_id, numbered.number)
        await settle(turn, tenant_id, rules, dict.fromkeys(work.causes[tenant_id], cause))
        return True
