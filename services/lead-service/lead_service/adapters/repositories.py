"""Repositories over one open transaction: every save is written at once, state and events together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters.history import Step, Words, history_rows, history_words
from lead_service.adapters.personal import ERASED, contact_of, with_contact
from lead_service.adapters.rows import Row
from lead_service.adapters.shapes import Shape
from lead_service.adapters.tables import HISTORY
from lead_service.application.ports import Saved
from onefunnel.errors import DomainError, ErrorKind, not_found
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Metadata, Record, encode
from onefunnel.outbox.writer import Beside, StaleVersion, save
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.stored import StoredVault, gone

A = TypeVar("A")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Held:
    """An aggregate as this transaction last saw or wrote it."""

    item: Any = field(repr=False)
    row: Row = field(repr=False)


@dataclass(frozen=True)
class Unit:
    """One transaction: its connection, who does what in it, and the vault of the tenant."""

    conn: AsyncConnection
    metadata: Metadata
    vault: StoredVault


def unit_of(keyring: Keyring, conn: AsyncConnection, metadata: Metadata) -> Unit:
    """Return the unit of an open transaction."""
    return Unit(conn, metadata, StoredVault(driver_of(conn), metadata.tenant_id, keyring))


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
        if row is None:
            return None
        (whole,) = await known_rows(self._unit.vault, self._shape, [dict(row)])
        return self._hold(whole)

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
        rows = await known_rows(
            self._unit.vault, self._shape, [dict(row) for row in found.mappings()], erased=True
        )
        return {row["id"]: self._shape.from_row(row) for row in rows}

    async def add(self, new: A, *events: Event, note: str | None = None) -> Saved[V] | None:
        """Save a new aggregate and its events; None if the id is taken, and then nothing is written."""
        metadata = self._unit.metadata
        records = encode(events, metadata)
        row = first_row(self._shape, new, records, metadata)
        try:
            return await self._write(Step(None, new, events, records, 0, Words(note)), row, None)
        except StaleVersion:
            return None

    async def save(
        self, changed: A, *events: Event, note: str | None = None, reason: str | None = None
    ) -> Saved[V]:
        """Save a changed aggregate, which was got in this transaction, and its events."""
        before = self._held[changed.id]  # type: ignore[attr-defined]
        sequence = before.row["event_seq"]
        records = encode(events, self._unit.metadata, after_sequence=sequence)
        row = next_row(self._shape, before.row, changed, records)
        step = Step(before.item, changed, events, records, sequence, Words(note, reason))
        return await self._write(step, row, before.row["version"])

    async def unchanged(self, id_: UUID) -> Saved[V]:
        """Return what `save` would, of an aggregate that was got and stays as it is."""
        row = self._held[id_].row
        return Saved(id_, partial(self._shape.show, row), row["version"], (), changed=False)

    def _hold(self, row: Row) -> A:
        item = self._shape.from_row(row)
        self._held[row["id"]] = Held(item, row)
        return item

    async def _write(self, step: Step, row: dict[str, Any], seen: int | None) -> Saved[V]:
        unit, shape, id_ = self._unit, self._shape, row["id"]
        before = self._held[id_].row if seen is not None else None
        words = [*contact_of(shape.personal, row, before), *history_words(shape, step)]
        written = shape.stored(row, new=seen is None)
        history = Beside(HISTORY, history_rows(shape, step, unit.metadata))
        await save(unit.conn, shape.table, written, seen=seen, records=step.records, beside=history)
        await unit.vault.write(words, new=(id_,) if seen is None else ())
        self._held[row["id"]] = Held(step.after, row)
        return saved(shape, step, row)


async def known_rows(
    vault: StoredVault,
    shape: Shape[Any, Any],
    rows: Sequence[dict[str, Any]],
    *,
    erased: bool = False,
) -> Sequence[dict[str, Any]]:
    """Return rows with what the vault holds; raise `gone` for one that was erased unless that may be."""
    if shape.personal is None or not rows:
        return rows
    known = await vault.load([row["id"] for row in rows])
    whole = [with_contact(shape.personal, row, known.get(row["id"])) for row in rows]
    if not erased and any(ERASED in row for row in whole):
        raise gone(shape.kind)
    return whole


def saved(shape: Shape[Any, V], step: Step, row: Row) -> Saved[V]:
    """Return what a save left behind."""
    ids = tuple(record.event_id for record in step.records)
    new = step.before is None
    return Saved(row["id"], partial(shape.show, row), row["version"], ids, created=new)


def first_row(
    shape: Shape[A, Any], new: A, records: Sequence[Record], metadata: Metadata
) -> dict[str, Any]:
    """Return the row of an aggregate that was not there before."""
    row = {
        "tenant_id": metadata.tenant_id,
        "id": new.id,  # type: ignore[attr-defined]
        "version": 1,
        "event_seq": len(records),
        **shape.to_row(new),
    }
    if "recorded_at" in shape.table.c:
        row["recorded_at"] = metadata.recorded_at
    if shape.first_line and shape.status:
        event, actor, state = shape.first_line
        row[event], row[actor] = records[0].event_id, metadata.actor_id
        row[state] = shape.status(new)
    return row


def next_row(
    shape: Shape[A, Any], before: Row, changed: A, records: Sequence[Record]
) -> dict[str, Any]:
    """Return the row of an aggregate that changed."""
    return {
        **before,
        **shape.to_row(changed),
        "version": before["version"] + 1,
        "event_seq": before["event_seq"] + len(records),
    }


def stale() -> DomainError:
    """Return the error for a version that is no longer the current one."""
    return DomainError(
        "stale-version",
        "It was changed since you read it; read it again.",
        kind=ErrorKind.STALE,
    )
