"""Adding differences to counters: one of three places that speak to the driver directly (ADR 0010).

One array statement per table whatever the number of rows. Keys are sorted, so that two folds that
meet lock the rows in one order. A row that came to all zeros is deleted: a rebuild makes none.
"""

from collections.abc import Mapping
from functools import cache
from uuid import UUID

from metrics_service.adapters.counter_tables import TABLE_OF, CounterTable
from metrics_service.adapters.driver import Driver
from metrics_service.projections.keys import Key, Vector

Change = tuple[UUID, Key, Vector]


@cache
def _add(table: CounterTable, schema: str) -> str:
    kinds = ("uuid", *(kind for _, kind in table.key), *("bigint" for _ in table.sums))
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(kinds, start=1))
    key = ", ".join(("tenant_id", *(column for column, _ in table.key)))
    added = ", ".join(f"{column} = c.{column} + excluded.{column}" for column in table.sums)
    empty = " AND ".join(f"c.{column} = 0" for column in table.sums)
    return f"""
        WITH changed AS (
            INSERT INTO {schema}.{table.name} AS c ({", ".join(table.columns)})
            SELECT * FROM unnest({arrays})
            ON CONFLICT ({key}) DO UPDATE SET {added}
            RETURNING {key}, ({empty}) AS is_empty)
        SELECT {key} FROM changed WHERE is_empty"""


@cache
def _delete(table: CounterTable, schema: str) -> str:
    kinds = ("uuid", *(kind for _, kind in table.key))
    names = ("tenant_id", *(column for column, _ in table.key))
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(kinds, start=1))
    same = " AND ".join(f"c.{name} = gone.{name}" for name in names)
    return f"""
        DELETE FROM {schema}.{table.name} AS c
        USING unnest({arrays}) AS gone ({", ".join(names)}) WHERE {same}"""


async def add(
    driver: Driver, schema: str, differences: Mapping[UUID, Mapping[Key, Vector]]
) -> None:
    """Add differences by tenant to their counters, each table once, in the order of `TABLE_OF`."""
    changes: dict[type[Key], list[Change]] = {kind: [] for kind in TABLE_OF}
    for tenant_id in sorted(differences):
        for key, vector in differences[tenant_id].items():
            if any(vector):
                changes[type(key)].append((tenant_id, key, vector))
    for kind, table in TABLE_OF.items():
        if rows := changes[kind]:
            await _add_to(driver, schema, table, rows)


async def _add_to(driver: Driver, schema: str, table: CounterTable, rows: list[Change]) -> None:
    rows.sort()
    columns = zip(*((tenant, *key, *sums) for tenant, key, sums in rows), strict=True)
    empty = await driver.fetch(_add(table, schema), *columns)
    if empty:
        await driver.execute(_delete(table, schema), *zip(*map(tuple, empty), strict=True))
