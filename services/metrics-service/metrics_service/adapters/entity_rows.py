"""Entity rows: one of three places that speak to the driver directly (ADR 0011).

A turn touches hundreds of entities; they are locked, read and written by array statements, sorted by
id so that turns that meet wait for each other in one order.
"""

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.adapters.entity_tables import ENTITY_TABLES, EntityTable
from metrics_service.application.fold_entities import EntityRow
from metrics_service.application.fold_order import EntityKey
from metrics_service.application.fold_ports import Retry, SavedEntity
from metrics_service.application.fold_routes import Kind
from onefunnel.persistence.arrays import array, arrays, found_by, placeholders

_CREDIT: Final = ("uuid", "uuid", "date", "uuid")
_STREAM: Final = ("uuid", "uuid", "smallint", "int")
_TABLE_OF: Final = {table.owner_code: table for table in ENTITY_TABLES.values()}


@cache
def _lock(table: EntityTable, schema: str, *, pending: bool) -> str:
    sequences = ", ".join(f"e.{column}" for column in table.sequences)
    older = (
        f"LEFT JOIN {schema}.rederive r ON r.tenant_id = e.tenant_id"
        f" AND r.owner_code = {table.owner_code} AND r.entity_id = e.id"
    )
    return f"""
        SELECT e.id, e.tenant_id, e.facts, {"r.rules" if pending else "NULL::bigint"}, {sequences}
        FROM {schema}.{table.name} e {older if pending else ""}
        WHERE e.id = ANY($1::text::uuid[]) ORDER BY e.id FOR UPDATE OF e"""


@cache
def _lock_streams(schema: str, code: int) -> str:
    return f"""
        SELECT id, tenant_id, NULL::bytea, NULL::bigint, seq FROM {schema}.stream
        WHERE aggregate_code = {code:d} AND id = ANY($1::text::uuid[]) ORDER BY id FOR UPDATE"""


@cache
def _write(table: EntityTable, schema: str) -> str:
    names = [name for name, _ in table.types]
    arrays = placeholders(kind for _, kind in table.types)
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[2:])
    return f"""
        WITH written AS (
            INSERT INTO {schema}.{table.name} ({", ".join(names)}) SELECT * FROM unnest({arrays})
            ON CONFLICT (id, tenant_id) DO UPDATE SET {updates} RETURNING xmax = 0 AS is_new)
        SELECT count(*) FILTER (WHERE is_new) FROM written"""


def _moving(table: EntityTable) -> tuple[str, ...]:
    return ("uuid", "uuid", *("int" for _ in table.sequences))


@cache
def _move(table: EntityTable, schema: str) -> str:
    names = ("id", "tenant_id", *table.sequences)
    given = f"unnest({placeholders(_moving(table))}) AS given ({', '.join(names)})"
    moved = "".join(f", given.{column}" for column in table.sequences)
    updates = ", ".join(f"{column} = m.{column}" for column in table.sequences)
    place = f"{schema}.{table.name}"
    # By the id alone, of a row that is ours and locked: with the tenant, a young table's planner takes
    # any index that begins with it.
    return f"""
        UPDATE {place} e SET {updates}
        FROM ({found_by(place, ("id",), given, moved)}) m WHERE e.ctid = m.place"""


async def lock(
    driver: Driver, schema: str, keys: Sequence[EntityKey], *, pending: bool
) -> list[EntityRow]:
    """Lock and return the entities that exist, by kind and id."""
    found: list[EntityRow] = []
    for owner_code, same in groupby(keys, key=itemgetter(0)):
        ids = "{" + ",".join(f"{number:032x}" for _, number in same) + "}"
        table = _TABLE_OF.get(owner_code)
        if table is None:
            rows = await driver.fetch(_lock_streams(schema, owner_code), ids)
        else:
            rows = await driver.fetch(_lock(table, schema, pending=pending), ids)
        found += [
            EntityRow((owner_code, row[0].int), row[1], tuple(row)[4:], row[2], row[3])
            for row in rows
        ]
    return found


async def save(driver: Driver, schema: str, kind: Kind, rows: Sequence[SavedEntity]) -> None:
    """Write what changed, move what only moved, and keep the credits of deals."""
    table = ENTITY_TABLES[kind]
    changed = [row for row in rows if row.columns is not None]
    moved = [row for row in rows if row.columns is None]
    if changed:
        await _save_changed(driver, schema, table, changed)
    if moved:
        columns = arrays(_moving(table), ((r.id, r.tenant_id, *r.sequences) for r in moved))
        await driver.execute(_move(table, schema), *columns)
    if kind is Kind.DEAL and changed:
        await _save_credits(driver, schema, changed)


async def _save_changed(
    driver: Driver, schema: str, table: EntityTable, rows: Sequence[SavedEntity]
) -> None:
    values = (
        (row.id, row.tenant_id, *row.sequences, *(row.columns or ()), row.facts) for row in rows
    )
    columns = arrays((kind for _, kind in table.types), values)
    new = await driver.fetchval(_write(table, schema), *columns)
    # Rows that were there are locked by us. A row that was not may have come meanwhile from another
    # worker: then ours was not new, and its facts must be read before ours are written.
    if new != sum(not row.stored for row in rows):
        raise Retry(f"{table.name}: another worker was first")


async def _save_credits(driver: Driver, schema: str, deals: Sequence[SavedEntity]) -> None:
    """Replace the credits of deals that have or had any."""
    known = [row.id for row in deals if row.stored]
    if known:
        await driver.execute(
            f"DELETE FROM {schema}.deal_credit WHERE deal_id = ANY($1::text::uuid[])",
            array("uuid", known),
        )
    credited = [
        (row.tenant_id, person, booked_on, row.id)
        for row in deals
        for person, booked_on in row.credits
    ]
    if credited:
        await driver.execute(
            f"INSERT INTO {schema}.deal_credit (tenant_id, person_id, booked_on, deal_id)"
            f" SELECT * FROM unnest({placeholders(_CREDIT)})",
            *arrays(_CREDIT, credited),
        )


async def save_streams(
    driver: Driver, schema: str, positions: Sequence[tuple[UUID, UUID, int, int]]
) -> None:
    """Write the positions of aggregates without an entity row: id, tenant, code, sequence."""
    if positions:
        await driver.execute(
            f"INSERT INTO {schema}.stream (id, tenant_id, aggregate_code, seq)"
            f" SELECT * FROM unnest({placeholders(_STREAM)})"
            " ON CONFLICT (id, aggregate_code, tenant_id) DO UPDATE SET seq = excluded.seq",
            *arrays(_STREAM, positions),
        )
