"""Aggregate rows in one transaction: got under a lock, saved with their events at the version that was got."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import RowMapping, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.events import Event
from onefunnel.events.envelope import Metadata, encode
from onefunnel.outbox.writer import save


class AggregateRows:
    """Rows of one aggregate table of one tenant, and the versions they were got at."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, table: Table) -> None:
        self._conn = conn
        self._metadata = metadata
        self._table = table
        self._got: dict[UUID, tuple[int, int]] = {}

    async def get(self, id_: UUID) -> RowMapping | None:
        """Return the row, locked until the commit; None if there is none, and then nobody else adds it."""
        row = await self._locked(id_)
        if row is None:
            # There is nothing to lock yet, so lock the name: of two that add it, one waits and finds it.
            name = f"{self._table.name}/{self._metadata.tenant_id}/{id_}"
            await self._conn.execute(
                select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0)))
            )
            row = await self._locked(id_)
        if row is not None:
            self._got[id_] = (row["version"], row["event_seq"])
        return row

    async def save(
        self, id_: UUID, values: Mapping[str, object], events: Sequence[Event]
    ) -> UUID | None:
        """Write a row that was got, and its events, in one statement; return the last event's id."""
        version, sequence = self._got.get(id_, (0, 0))
        records = encode(events, self._metadata, after_sequence=sequence)
        row = {
            "tenant_id": self._metadata.tenant_id,
            "id": id_,
            "version": version + 1,
            "event_seq": sequence + len(records),
            **values,
        }
        await save(self._conn, self._table, row, seen=version or None, records=records)
        self._got[id_] = (version + 1, sequence + len(records))
        return records[-1].event_id if records else None

    def version_of(self, id_: UUID) -> int:
        """Return the version of a row that was got or saved."""
        return self._got[id_][0]

    async def _locked(self, id_: UUID) -> RowMapping | None:
        table = self._table
        query = (
            select(table)
            .where(table.c.tenant_id == self._metadata.tenant_id, table.c.id == id_)
            .with_for_update()
        )
        return (await self._conn.execute(query)).mappings().one_or_none()
