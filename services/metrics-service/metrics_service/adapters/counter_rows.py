"""Adding differences to counters: one of three places that speak to the driver directly (ADR 0010).

One array statement per table and tenant whatever the number of rows. Keys are sorted, so that two folds that
meet lock the rows in one order. A row that came to all zeros is deleted: a rebuild makes none.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from uuid import UUID

from metrics_service.adapters.arrays import arrays, placeholders
from metrics_service.adapters.counter_tables import TABLE_OF, CounterTable
from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_overlap import Overlap
from metrics_service.projections.keys import Key, Vector

Change = tuple[Key, Vector]


def _kinds(table: CounterTable) -> tuple[str, ...]:
    return (*(kind for _, kind in table.key), *("bigint" for _ in table.sums))


@cache
def _add(table: CounterTable, schema: str) -> str:
    key = ", ".join(("tenant_id", *(column for column, _ in table.key)))
    added = ", ".join(f"{column} = c.{column} + excluded.{column}" for column in table.sums)
    empty = " AND ".join(f"c.{column} = 0" for column in table.sums)
    return f"""
        WITH changed AS (
            INSERT INTO {schema}.{table.name} AS c ({", ".join(table.columns)})
            SELECT $1::uuid, * FROM unnest({placeholders(_kinds(table), first=2)})
            ON CONFLICT ({key}) DO UPDATE SET {added}
            RETURNING {key}, ({empty}) AS is_empty)
        SELECT {key} FROM changed WHERE is_empty"""


@cache
def _delete(table: CounterTable, schema: str) -> str:
    names = [column for column, _ in table.key]
    same = " AND ".join(f"c.{name} = gone.{name}" for name in names)
    return f"""
        DELETE FROM {schema}.{table.name} AS c
        USING unnest({placeholders((kind for _, kind in table.key), first=2)})
            AS gone ({", ".join(names)})
        WHERE c.tenant_id = $1 AND {same}"""


async def add(
    driver: Driver, schema: str, differences: Mapping[UUID, Mapping[Key, Vector]]
) -> None:
    """Add differences by tenant to their counters, in the order of `TABLE_OF`, tenants sorted."""
    changes = {tenant: _by_table(differences[tenant]) for tenant in sorted(differences)}
    async with Overlap() as overlap:
        for kind, table in TABLE_OF.items():
            for tenant_id, by_table in changes.items():
                if rows := by_table.get(kind):
                    rows.sort()
                    columns = arrays(_kinds(table), [tuple.__add__(*row) for row in rows])
                    await overlap.start(_add_to(driver, schema, table, tenant_id, columns))


def _by_table(differences: Mapping[Key, Vector]) -> dict[type[Key], list[Change]]:
    found: dict[type[Key], list[Change]] = {}
    for key, vector in differences.items():
        if any(vector):
            found.setdefault(type(key), []).append((key, vector))
    return found


async def _add_to(
    driver: Driver, schema: str, table: CounterTable, tenant_id: UUID, columns: Sequence[object]
) -> None:
    empty = await driver.fetch(_add(table, schema), tenant_id, *columns)
    if empty:
        gone = arrays((kind for _, kind in table.key), (tuple(row)[1:] for row in empty))
        await driver.execute(_delete(table, schema), tenant_id, *gone)
