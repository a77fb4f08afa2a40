"""One instant of the whole database, for a verification that the fold need not wait for."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from metrics_service.adapters import generation_writing
from metrics_service.adapters.counter_tables import TABLE_OF
from metrics_service.adapters.driver import Driver
from metrics_service.adapters.entity_tables import ENTITY_TABLES
from metrics_service.adapters.journal_reading import PostgresJournal
from metrics_service.adapters.rules_rows import tenants_with_work
from metrics_service.application.fold_codes import AGGREGATE_CODE
from metrics_service.application.fold_recount import ENTITY_CODES, Counted
from metrics_service.application.verify import Snapshot, UnknownId, WrongEntity
from metrics_service.projections.keys import VECTOR_OF, Key, LedgerKey, Vector
from onefunnel.persistence.database import Database

# Columns that name something of another aggregate, and of which.
_NAMES: Final = (
    ("deal", "owner", "person"),
    ("deal", "account", "account"),
    ("deal", "product", "product"),
    ("deal", "campaign", "campaign"),
    ("deal", "lead_id", "lead"),
    ("deal_credit", "person_id", "person"),
    ("journey", "owner", "person"),
    ("journey", "campaign", "campaign"),
    ("asset", "owner", "person"),
)


def _introduced(schema: str, aggregate: str) -> str:
    if aggregate == "lead":
        return f"SELECT tenant_id, id::text FROM {schema}.journey"
    code = AGGREGATE_CODE[aggregate]
    return f"SELECT tenant_id, id::text FROM {schema}.stream WHERE aggregate_code = {code}"


class PostgresVerifyStore:
    """Opens snapshots as the worker role, which sees all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Open a snapshot: everything that is read comes from one instant."""
        async with (
            self._database.driver(patient=True) as driver,
            driver.transaction(isolation="repeatable_read", readonly=True),
        ):
            live = await driver.fetchval("SELECT live FROM projection_generation")
            yield PostgresSnapshot(driver, f"g{live}")


class PostgresSnapshot:
    """Reads of one instant."""

    def __init__(self, driver: Driver, schema: str) -> None:
        self._driver = driver
        self._schema = schema
        self.journal = PostgresJournal(driver)

    async def events(self) -> int:
        """Return how many events of entities the journal has."""
        count: int = await self._driver.fetchval(
            "SELECT count(*) FROM journal WHERE aggregate_code = ANY($1)", ENTITY_CODES
        )
        return count

    async def stale(self) -> list[UUID]:
        """Return the tenants of which something is being derived again."""
        return await tenants_with_work(self._driver, self._schema)

    async def differing(self, entities: Sequence[Counted]) -> list[WrongEntity]:
        """Return those entities whose rows are not as counted."""
        found = []
        for kind, table in ENTITY_TABLES.items():
            mine = {one.id: one for one in entities if one.kind is kind}
            names = ", ".join(name for name, _ in table.types)
            rows = await self._driver.fetch(
                f"SELECT {names} FROM {self._schema}.{table.name} WHERE id = ANY($1)", list(mine)
            )
            stored = {row["id"]: tuple(row) for row in rows}
            found += [
                WrongEntity(one.tenant_id, table.name, one.id)
                for one in mine.values()
                if stored.get(one.id) != _as_row(one)
            ]
        return found

    async def entities(self) -> int:
        """Return how many entity rows there are."""
        counts = [
            await self._driver.fetchval(f"SELECT count(*) FROM {self._schema}.{table.name}")
            for table in ENTITY_TABLES.values()
        ]
        return sum(counts)

    async def counters(self) -> dict[UUID, dict[Key, Vector]]:
        """Return every counter."""
        found: dict[UUID, dict[Key, Vector]] = {}
        for kind, table in TABLE_OF.items():
            names, split = ", ".join(table.columns), 1 + len(table.key)
            for row in await self._driver.fetch(f"SELECT {names} FROM {self._schema}.{table.name}"):
                values = tuple(row)
                key = kind(*values[1:split])
                vector = VECTOR_OF[kind](*values[split:])
                found.setdefault(values[0], {})[key] = vector
        return found

    async def posted(self) -> dict[UUID, dict[LedgerKey, int]]:
        """Return the sums of the book."""
        return await generation_writing.posted(self._driver)

    async def unknown_ids(self, limit: int) -> list[UnknownId]:
        """Return foreign ids in entity rows that no event has introduced."""
        found: list[UnknownId] = []
        for table, column, aggregate in _NAMES:
            rows = await self._driver.fetch(
                f"""SELECT e.tenant_id, e.{column}::text, count(*) FROM {self._schema}.{table} e
                WHERE e.{column}::text <> '' AND (e.tenant_id, e.{column}::text) NOT IN (
                    {_introduced(self._schema, aggregate)})
                GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $1""",
                limit - len(found),
            )
            found += [UnknownId(row[0], f"{table}.{column}", row[1], row[2]) for row in rows]
        return found


def _as_row(one: Counted) -> tuple[object, ...]:
    return (one.id, one.tenant_id, *one.sequences, *one.columns, one.facts)
