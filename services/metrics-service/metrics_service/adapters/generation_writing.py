"""Filling a new generation by COPY, and comparing it with what was counted and with the old one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from metrics_service.adapters.arrays import arrays, placeholders
from metrics_service.adapters.counter_tables import TABLE_OF
from metrics_service.adapters.driver import Driver
from metrics_service.adapters.entity_tables import ENTITY_TABLES
from metrics_service.application.fold_order import AggregateKey
from metrics_service.application.fold_recount import STREAM_CODES, Counted
from metrics_service.application.fold_routes import Kind
from metrics_service.application.rebuild import Changed
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import Key, LedgerKey, Vector
from onefunnel.persistence.copying import copied

NOBODYS_EVENT: Final = UUID(int=0)


class WrongSums(Exception):
    """The tables do not hold what was counted: the rebuild is given up, the old generation lives."""


async def copy_entities(driver: Driver, schema: str, entities: Sequence[Counted]) -> None:
    """Copy entity rows and the credits of deals."""
    by_kind: dict[Kind, list[tuple[object, ...]]] = {}
    for one in entities:
        row = (one.id, one.tenant_id, *one.sequences, *one.columns, one.facts)
        by_kind.setdefault(one.kind, []).append(row)
    for kind, rows in by_kind.items():
        table = ENTITY_TABLES[kind]
        await _copy(driver, schema, table.name, [name for name, _ in table.types], rows)
    credited = [
        (one.tenant_id, person_id, booked_on, one.id)
        for one in entities
        for person_id, booked_on in one.credits
    ]
    columns = ("tenant_id", "person_id", "booked_on", "deal_id")
    await _copy(driver, schema, "deal_credit", columns, credited)


async def copy_streams(
    driver: Driver, schema: str, stepped_over: Mapping[AggregateKey, tuple[UUID, int]]
) -> None:
    """Write the positions of aggregates without an entity row, in the database itself."""
    kinds = ("uuid", "uuid", "smallint", "int")
    over = [(id_, tenant, code, seq) for (code, id_), (tenant, seq) in stepped_over.items()]
    await driver.execute(
        f"INSERT INTO {schema}.stream (id, tenant_id, aggregate_code, seq)"
        " SELECT id, tenant_id, code, max(seq) FROM ("
        "  SELECT aggregate_id, tenant_id, aggregate_code, aggregate_seq FROM journal"
        "  UNION ALL"
        f" SELECT * FROM unnest({placeholders(kinds, first=2)})"
        " ) AS all_of (id, tenant_id, code, seq)"
        " WHERE code = ANY($1::smallint[]) GROUP BY id, tenant_id, code",
        STREAM_CODES,
        *arrays(kinds, over),
    )


async def copy_rules(
    driver: Driver, schema: str, old: str, rules: Mapping[UUID, Definitions]
) -> None:
    """Write the present rules of every tenant under the number that they have."""
    numbered = {
        row["tenant_id"]: (row["rules"], row["cause_event_id"])
        for row in await driver.fetch(
            "SELECT DISTINCT ON (tenant_id) tenant_id, rules, cause_event_id"
            f" FROM {old}.definitions ORDER BY tenant_id, rules DESC"
        )
    }
    rows = [
        (tenant_id, *numbered.get(tenant_id, (1, NOBODYS_EVENT)), snapshot.dump())
        for tenant_id, snapshot in rules.items()
    ]
    columns = ("tenant_id", "rules", "cause_event_id", "state")
    await _copy(driver, schema, "definitions", columns, rows)


async def copy_counters(
    driver: Driver, schema: str, totals: Mapping[UUID, Mapping[Key, Vector]]
) -> None:
    """Copy every counter that is not all zeros, in the order of its index.

    A read takes a range of the index; so its rows stand side by side instead of one on a page.
    """
    rows: dict[type[Key], list[tuple[object, ...]]] = {kind: [] for kind in TABLE_OF}
    for tenant_id, counted in totals.items():
        for key, vector in counted.items():
            if any(vector):
                rows[type(key)].append((tenant_id, *key, *vector))
    for kind, table in TABLE_OF.items():
        await _copy(driver, schema, table.name, table.columns, sorted(rows[kind]))


async def _copy(
    driver: Driver,
    schema: str,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    copying = driver.copy_records_to_table(
        table, schema_name=schema, columns=list(columns), records=rows
    )
    await copied(driver, copying, within_s=None)


async def check_sums(
    driver: Driver, schema: str, totals: Mapping[UUID, Mapping[Key, Vector]]
) -> None:
    """Compare the sum of every column with what was counted. Raises `WrongSums`."""
    for kind, table in TABLE_OF.items():
        counted = [
            vector
            for keys in totals.values()
            for key, vector in keys.items()
            if type(key) is kind and any(vector)
        ]
        expected = (len(counted), *(sum(column) for column in zip(*counted, strict=True)))
        sums = ", ".join(f"coalesce(sum({column}), 0)::bigint" for column in table.sums)
        row = await driver.fetchrow(f"SELECT count(*), {sums} FROM {schema}.{table.name}")
        assert row is not None
        if tuple(row)[: len(expected)] != expected:
            raise WrongSums(table.name)


async def posted(driver: Driver) -> dict[UUID, dict[LedgerKey, int]]:
    """Return the sums of the book."""
    found: dict[UUID, dict[LedgerKey, int]] = {}
    for row in await driver.fetch(
        "SELECT tenant_id, payee_id, component, earned_period, currency, sum(amount_minor)::bigint"
        " FROM ledger_entry GROUP BY 1, 2, 3, 4, 5"
    ):
        tenant_id, *key, amount = tuple(row)
        found.setdefault(tenant_id, {})[LedgerKey(*key)] = amount
    return found


async def hand_on_due(
    driver: Driver, schema: str, old: str, keys: Mapping[UUID, Sequence[LedgerKey]]
) -> list[tuple[UUID, LedgerKey]]:
    """Keep the keys of tenants that the old generation had not finished, to be settled by the fold."""
    rows = await driver.fetch(
        f"""SELECT d.tenant_id, (array_agg(d.cause_event_id ORDER BY rules DESC))[1]
        FROM {old}.definitions d
        WHERE tenant_id IN (SELECT tenant_id FROM {old}.rederive
            UNION SELECT tenant_id FROM {old}.pay_due) GROUP BY 1"""
    )
    cause_of = {row[0]: row[1] for row in rows}
    handed = [(tenant_id, key) for tenant_id in cause_of for key in keys.get(tenant_id, ())]
    columns = ("tenant_id", *LedgerKey._fields, "cause_event_id")
    values = ((tenant_id, *key, cause_of[tenant_id]) for tenant_id, key in handed)
    await _copy(driver, schema, "pay_due", columns, values)
    return handed


async def compare(driver: Driver, table: str, new: str, old: str) -> Changed:
    """Count the rows that only one generation has; equal digests save looking row by row."""
    digests = [
        await driver.fetchrow(
            f"SELECT count(*), sum(hash_record_extended(t, 0)::numeric) FROM {schema}.{table} t"
        )
        for schema in (new, old)
    ]
    rows = digests[0][0] if digests[0] else 0
    if digests[0] == digests[1]:
        return Changed(table, rows, 0, 0)
    only = [
        await driver.fetchval(
            f"SELECT count(*) FROM (TABLE {one}.{table} EXCEPT ALL TABLE {other}.{table}) x"
        )
        for one, other in ((new, old), (old, new))
    ]
    return Changed(table, rows, *only)
