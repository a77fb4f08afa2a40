"""Repositories over one open transaction: every save is written at once, state and events together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters.history import Step, Words, history_rows
from lead_service.adapters.rows import Row
from lead_service.adapters.shapes import Shape
from lead_service.adapters.tables import HISTORY
from lead_service.application.ports import Saved
from onefunnel.errors import DomainError, ErrorKind, not_found
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Metadata, encode
from onefunnel.outbox.writer import Beside, StaleVersion, save

A = TypeVar("A")
V = TypeVar("V")


class Held(NamedTuple):
    """An aggregate as this transaction last saw or wrote it."""

    item: Any
    row: Row


@dataclass(frozen=True)
class Unit:
    """One transaction: its connection and who does what in it."""

    conn: AsyncConnection
    metadata: Metadata


class StoredAggregates(Generic[A, V]):
    """The aggregates of one kind in PostgreSQL."""

    def __init__(self, unit: Unit, shape: Shape[A, V]) -> None:
        self._unit = unit
        self._shape = shape
        self._held: dict[UUID, Held] = {}

    async def find(self, id_: UUID) -> A | None:
        """Return the aggregate, locked for change, or None."""
        table = self._shape.table
        found = await self._unit.conn.execute(
            select(table)
            .where(table.c.tenant_id == self._unit.metadata.tenant_id, table.c.id == id_)
            .with_for_update(key_share=True)
        )
        row = found.mappings().one_or_none()
        return self._hold(dict(row)) if row is not None else None

    async def get(self, id_: UUID, *, seen: int | None = None) -> A:
        """Return the aggregate, locked for change; raise not-found, or stale unless it is at `seen`."""
        found = await self.find(id_)
        if found is None:
            raise not_found(self._shape.kind)
        if seen is not None and self._held[id_].row["version"] != seen:
            raise stale()
        return found

    async def known(self, ids: Collection[UUID]) -> Mapping[UUID, A]:
        """Return those that exist, for reading."""
        if not ids:
            return {}
        table = self._shape.table
        found = await self._unit.conn.execute(
            select(table).where(
                table.c.tenant_id == self._unit.metadata.tenant_id, table.c.id.in_(ids)
            )
        )
        return {row["id"]: self._shape.from_row(dict(row)) for row in found.mappings()}

    async def add(self, new: A, *events: Event, note: str | None = None) -> Saved[V] | None:
        """Save a new aggregate and its events; None if the id is taken, and then nothing is written."""
        row = first_row(self._shape, new, events, self._unit.metadata)
        try:
            return await self._write(None, new, row, events, Words(note))
        except StaleVersion:
            return None

    async def save(
        self, changed: A, *events: Event, note: str | None = None, reason: str | None = None
    ) -> Saved[V]:
        """Save a changed aggregate, which was got in this transaction, and its events."""
        before = self._held[changed.id]  # type: ignore[attr-defined]
        row = next_row(self._shape, before.row, changed, events)
        return await self._write(before, changed, row, events, Words(note, reason))

    async def unchanged(self, id_: UUID) -> Saved[V]:
        """Return what `save` would, of an aggregate that was got and stays as it is."""
        row = self._held[id_].row
        return Saved(id_, partial(self._shape.show, row), row["version"], (), changed=False)

    def _hold(self, row: Row) -> A:
        item = self._shape.from_row(row)
        self._held[row["id"]] = Held(item, row)
        return item

    async def _write(
        self, before: Held | None, after: A, row: Row, events: tuple[Event, ...], words: Words
    ) -> Saved[V]:
        unit, shape = self._unit, self._shape
        sequence = before.row["event_seq"] if before else 0
        records = encode(events, unit.metadata, after_sequence=sequence)
        seen = before.row["version"] if before else None
        written = row if before is None else {k: v for k, v in row.items() if k not in shape.fixed}
        step = Step(before.item if before else None, after, events, records, sequence, words)
        history = Beside(HISTORY, history_rows(shape, step, unit.metadata))
        await save(unit.conn, shape.table, written, seen=seen, records=records, beside=history)
        self._held[row["id"]] = Held(after, row)
        ids = tuple(record.event_id for record in records)
        return Saved(
            row["id"], partial(shape.show, row), row["version"], ids, created=before is None
        )


def first_row(
    shape: Shape[A, Any], new: A, events: tuple[Event, ...], metadata: Metadata
) -> dict[str, Any]:
    """Return the row of an aggregate that was not there before."""
    row = {
        "tenant_id": metadata.tenant_id,
        "id": new.id,  # type: ignore[attr-defined]
        "version": 1,
        "event_seq": len(events),
        **shape.to_row(new),
    }
    if "recorded_at" in shape.table.c:
        row["recorded_at"] = metadata.recorded_at
    return row


def next_row(
    shape: Shape[A, Any], before: Row, changed: A, events: tuple[Event, ...]
) -> dict[str, Any]:
    """Return the row of an aggregate that changed."""
    return {
        **before,
        **shape.to_row(changed),
        "version": before["version"] + 1,
        "event_seq": before["event_seq"] + len(events),
    }


def stale() -> DomainError:
    """Return the error for a version that is no longer the current one."""
    return DomainError(
        "stale-version",
        "It was changed since you read it; read it again.",
        kind=ErrorKind.STALE,
    )
