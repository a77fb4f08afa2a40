"""Snapshots of tenants' rules, and the entities that still follow an older one."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.adapters.entity_tables import ENTITY_TABLES
from metrics_service.application.fold_codes import AGGREGATE_CODE
from metrics_service.application.fold_order import EntityKey
from metrics_service.projections.affected import Affected
from metrics_service.projections.definitions import Definitions
from onefunnel.persistence.arrays import arrays, found_by, placeholders

_DEAL: Final = AGGREGATE_CODE["deal"]


def _everything(schema: str) -> str:
    """Return the query of all entities of a tenant ($1)."""
    return " UNION ALL ".join(
        f"SELECT {table.owner_code}::smallint AS owner_code, id FROM {schema}.{table.name}"
        " WHERE tenant_id = $1"
        for table in ENTITY_TABLES.values()
    )


def _credited(schema: str) -> str:
    """Return the query of the deals credited to people ($2) between days ($3, $4)."""
    return f"""
        SELECT DISTINCT {_DEAL}::smallint AS owner_code, c.deal_id AS id
        FROM unnest($2::uuid[], $3::date[], $4::date[]) AS r (person_id, first, last)
        CROSS JOIN LATERAL (
            SELECT deal_id FROM {schema}.deal_credit c
            WHERE c.tenant_id = $1 AND c.person_id = r.person_id
                AND c.booked_on BETWEEN r.first AND r.last OFFSET 0) c"""


def _query(
    schema: str, tenant_id: UUID, affected: Sequence[Affected]
) -> tuple[str, list[object]] | None:
    if any(one.everything for one in affected):
        return _everything(schema), [tenant_id]
    ranges = sorted({span for one in affected for span in one.credits})
    if not ranges:
        return None
    return _credited(schema), [tenant_id, *map(list, zip(*ranges, strict=True))]


async def affected_keys(
    driver: Driver, schema: str, tenant_id: UUID, affected: Sequence[Affected], limit: int
) -> list[EntityKey]:
    """Return the entities that changes of rules move, at most `limit`."""
    found = _query(schema, tenant_id, affected)
    if found is None:
        return []
    sql, arguments = found
    rows = await driver.fetch(f"{sql} LIMIT {limit:d}", *arguments)
    return [(row["owner_code"], row["id"].int) for row in rows]


async def postpone(
    driver: Driver, schema: str, tenant_id: UUID, affected: Sequence[Affected], number: int
) -> None:
    """Put the entities that changes of rules move into `rederive`; those in it stay as they are."""
    found = _query(schema, tenant_id, affected)
    assert found is not None
    sql, arguments = found
    await driver.execute(
        f"INSERT INTO {schema}.rederive (tenant_id, entity_id, owner_code, rules)"
        f" SELECT $1::uuid, id, owner_code, {number:d} FROM ({sql}) moved ON CONFLICT DO NOTHING",
        *arguments,
    )


async def take_pending(
    driver: Driver, schema: str, tenant_id: UUID, limit: int
) -> dict[EntityKey, int]:
    """Return some pending entities, with the rules they follow."""
    rows = await driver.fetch(
        f"SELECT owner_code, entity_id, rules FROM {schema}.rederive WHERE tenant_id = $1"
        " ORDER BY owner_code, entity_id LIMIT $2",
        tenant_id,
        limit,
    )
    return {(row["owner_code"], row["entity_id"].int): row["rules"] for row in rows}


async def settled(driver: Driver, schema: str, keys: Sequence[tuple[UUID, EntityKey]]) -> None:
    """Take entities out of `rederive`."""
    if keys:
        rows = ((tenant_id, code, UUID(int=number)) for tenant_id, (code, number) in keys)
        names, kinds = ("tenant_id", "owner_code", "entity_id"), ("uuid", "smallint", "uuid")
        given = f"given ({', '.join(names)})"
        await driver.execute(
            f"DELETE FROM {schema}.rederive r USING ("
            + found_by(f"{schema}.rederive", names, f"unnest({placeholders(kinds)}) AS {given}")
            + ") s WHERE r.ctid = s.place",
            *arrays(kinds, rows),
        )


async def snapshot(driver: Driver, schema: str, tenant_id: UUID, number: int) -> Definitions:
    """Return the snapshot of a tenant's rules with a number that the tenant has had."""
    state = await driver.fetchval(
        f"SELECT state FROM {schema}.definitions WHERE tenant_id = $1 AND rules = $2",
        tenant_id,
        number,
    )
    return Definitions.load(state)


async def add_snapshot(
    driver: Driver, schema: str, tenant_id: UUID, number: int, found: tuple[Definitions, UUID]
) -> None:
    """Add a snapshot and its cause, and forget the ones that nothing refers to any more."""
    definitions, cause = found
    await driver.execute(
        f"INSERT INTO {schema}.definitions (tenant_id, rules, cause_event_id, state)"
        " VALUES ($1, $2, $3, $4)",
        tenant_id, number, cause, definitions.dump(),
    )  # fmt: skip
    await driver.execute(
        f"DELETE FROM {schema}.definitions d WHERE d.tenant_id = $1 AND d.rules < $2 - 1"
        f" AND NOT EXISTS (SELECT FROM {schema}.rederive r"
        " WHERE r.tenant_id = $1 AND r.rules = d.rules)",
        tenant_id,
        number,
    )


async def cause_of(driver: Driver, schema: str, tenant_id: UUID, number: int) -> UUID:
    """Return the event that brought a tenant's rules to a number."""
    cause: UUID = await driver.fetchval(
        f"SELECT cause_event_id FROM {schema}.definitions WHERE tenant_id = $1 AND rules = $2",
        tenant_id,
        number,
    )
    return cause


async def tenants_with_work(driver: Driver, schema: str) -> list[UUID]:
    """Return the tenants of which entities are pending, or ledger keys to be settled."""
    rows = await driver.fetch(
        f"SELECT tenant_id FROM {schema}.rederive UNION SELECT tenant_id FROM {schema}.pay_due"
    )
    return sorted(row["tenant_id"] for row in rows)
