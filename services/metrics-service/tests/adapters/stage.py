"""The fold on a stage: a real database, a log in a list, and questions about what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import asyncpg
import orjson

from metrics_service.adapters.counter_tables import TABLE_OF
from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.generation_schema import PROJECTIONS, TABLES
from metrics_service.application.fold import Fold, Limits
from metrics_service.projections.keys import PayKey
from onefunnel.events import Event, spec_of
from onefunnel.persistence.database import Database

from ..oracle.oracle import Fact
from .list_log import ListLog

TENANT = UUID(int=int.from_bytes(b"tenant") << 64)
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
PUBLIC = ("journal", "parked_event", "key_hold", "dead_event", "stream_partition", "stream_member")


def record_of(
    event: Event, event_id: UUID, sequence: int | None, *, tenant: UUID = TENANT, **changes: object
) -> bytes:
    """Return a record as the outbox would hold it, with an id of our choice."""
    spec = spec_of(event)
    key = getattr(event, spec.key)
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/services/test",
        "type": spec.type,
        "subject": str(key),
        "time": (getattr(event, spec.time_field) if spec.time_field else None) or AT,
        "recordedtime": AT,
        "aggregatetype": spec.aggregate,
        "tenantid": str(tenant),
        "data": event.model_dump(mode="json", by_alias=True),
        **({"sequence": str(sequence)} if spec.ordered else {}),
        **changes,
    }
    return orjson.dumps(envelope, option=orjson.OPT_UTC_Z)


@dataclass
class Stage:
    """One database and what is told to it."""

    database: Database
    driver: asyncpg.Connection
    log: ListLog = field(default_factory=ListLog)

    def tell(self, facts: Iterable[Fact], tenant: UUID = TENANT) -> None:
        """Append events to the log, each to its own topic and partition, in the order given."""
        for fact in facts:
            spec = spec_of(fact.event)
            record = record_of(fact.event, fact.event_id, fact.sequence, tenant=tenant)
            self.log.append(spec.topic, getattr(fact.event, spec.key), record)

    def fold(self, owner: str = "one", **limits: object) -> "FoldRun":
        """Return a fold of its own."""
        store = PostgresFoldStore(self.database, owner)
        return FoldRun(Fold(store, self.log, Limits(**limits)), store, self.log)

    async def fold_all(self, **limits: object) -> int:
        """Fold everything that the log holds with a new fold; return how many turns it took."""
        async with self.fold(**limits) as run:
            return await run.until_done()

    async def dump(
        self, schema: str = "g1", tables: Iterable[str] = PROJECTIONS
    ) -> dict[str, list]:
        """Return every row of the projection tables, as text, sorted."""
        return {
            table: [
                row[0]
                for row in await self.driver.fetch(
                    f"SELECT t::text FROM {schema}.{table} t ORDER BY 1"
                )
            ]
            for table in tables
        }

    async def counters(self, schema: str = "g1") -> dict:
        """Return counters as the oracle words them."""
        found = {}
        for kind, table in TABLE_OF.items():
            if kind is PayKey:
                continue
            rows = await self.driver.fetch(f"SELECT * FROM {schema}.{table.name}")
            for row in map(tuple, rows):
                split = 1 + len(table.key)
                key = tuple(UUID(bytes=f.bytes) if isinstance(f, UUID) else f for f in row[1:split])
                found[kind.__name__, key] = row[split:]
        return found

    async def owed(self) -> dict:
        """Return the sums of the book as the oracle words them."""
        rows = await self.driver.fetch(
            "SELECT payee_id, component, earned_period, currency, sum(amount_minor)::bigint AS s"
            " FROM ledger_entry GROUP BY 1, 2, 3, 4 HAVING sum(amount_minor) <> 0"
        )
        return {(UUID(bytes=r[0].bytes), *tuple(r)[1:4]): r[4] for r in rows}

    async def clear(self, schema: str = "g1") -> None:
        """Empty everything; far cheaper than a new database, and than TRUNCATE for a few rows."""
        tables = ["key_hold", *PUBLIC, "ledger_entry", *(f"{schema}.{table}" for table in TABLES)]
        await self.driver.execute(
            "SET session_replication_role = replica;"  # the book refuses even its owner otherwise
            + "".join(f"DELETE FROM {table};" for table in tables)
            + "SET session_replication_role = DEFAULT"
        )
        self.log.records.clear()


class FoldRun:
    """A fold that owns its partitions while the block lasts."""

    def __init__(self, fold: Fold, store: PostgresFoldStore, log: ListLog) -> None:
        self.fold = fold
        self.store = store
        self.log = log

    async def __aenter__(self) -> Self:
        await self.fold.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.store.close()

    async def until_done(self) -> int:
        """Fold until the log has nothing more and nothing is left to derive again."""
        turns = 0
        while await self.fold.turn(self.log):
            turns += 1
        await self.fold.look_after()
        while await self.fold.derive():
            pass
        return turns
