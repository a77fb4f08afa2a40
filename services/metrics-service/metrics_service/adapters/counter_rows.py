"""Adding differences to counters: one of three places that speak to the driver directly (ADR 0011).

One array statement per table and tenant whatever the number of rows. Keys are sorted, so that two folds that
meet lock the rows in one order. A row that came to all zeros is deleted: a rebuild makes none.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from uuid import UUID

from metrics_service.adapters.counter_tables import TABLE_OF, CounterTable
from metrics_service.adapters.driver import Driver
from metrics_service.projections.keys import Key, Vector
from onefunnel.persistence.arrays import array, arrays, found_by, placeholders

Change = tuple[Key, Vector]


@cache
def _add(table: CounterTable, schema: str, sums: tuple[str, ...]) -> str:
    """Return the statement that adds to some of a table's sums. Few of them change in one turn."""
    key = [column for column, _ in table.key]
    kinds = (*(kind for _, kind in table.key), *("bigint" for _ in sums))
    given = ", ".join(("tenant_id", *key, *sums))
    rest = [column for column in table.sums if column not in sums]
    nothing = "".join(", 0" for _ in rest)
    added = ", ".join(f"{column} = c.{column} + excluded.{column}" for column in sums)
    return f"""
        INSERT INTO {schema}.{table.name} AS c ({", ".join((given, *rest))})
        SELECT $1::uuid, *{nothing} FROM unnest({placeholders(kinds, first=2)})
        ON CONFLICT (tenant_id, {", ".join(key)}) DO UPDATE SET {added}"""


@cache
def _delete(table: CounterTable, schema: str) -> str:
    names = [column for column, _ in table.key]
    kinds = [kind for _, kind in table.key]
    given = (
        f"(SELECT $1::uuid AS tenant_id, g.* FROM unnest({placeholders(kinds, first=2)})"
        f" AS g ({', '.join(names)})) AS given"
    )
    empty = " AND ".join(f"c.{column} = 0" for column in table.sums)
    place = f"{schema}.{table.name}"
    return f"""
        DELETE FROM {place} AS c USING ({found_by(place, ("tenant_id", *names), given)}) gone
        WHERE c.ctid = gone.place AND {empty}"""


async def add(
    driver: Driver, schema: str, differences: Mapping[UUID, Mapping[Key, Vector]]
) -> None:
    """Add differences by tenant to their counters, in the order of `TABLE_OF`, tenants sorted."""
    changes = {tenant: _by_table(differences[tenant]) for tenant in sorted(differences)}
    for kind, table in TABLE_OF.items():
        for tenant_id, by_table in changes.items():
            if rows := by_table.get(kind):
                for statement, arguments in _statements(table, schema, rows):
                    await driver.execute(statement, tenant_id, *arguments)


def _by_table(differences: Mapping[Key, Vector]) -> dict[type[Key], list[Change]]:
    found: dict[type[Key], list[Change]] = {}
    for key, vector in differences.items():
        if any(vector):
            found.setdefault(type(key), []).append((key, vector))
    return found


def _statements(
    table: CounterTable, schema: str, rows: list[Change]
) -> Iterator[tuple[str, list[object]]]:
    """Yield the statement that adds, then the one that deletes what may have come to nothing.

    No row comes to nothing by a difference that takes nothing away.
    """
    rows.sort()
    sums = dict(zip(table.sums, zip(*(vector for _, vector in rows), strict=True), strict=True))
    changed = {name: column for name, column in sums.items() if any(column)}
    yield (
        _add(table, schema, tuple(changed)),
        _keys(table, rows) + [array("bigint", column) for column in changed.values()],
    )
    less = [row for row in rows if min(row[1]) < 0]
    if less:
        yield _delete(table, schema), _keys(table, less)


def _keys(table: CounterTable, rows: list[Change]) -> list[object]:
    return arrays((kind for _, kind in table.key), (key for key, _ in rows))
