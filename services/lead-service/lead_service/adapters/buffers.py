"""Repositories over memory: what a batch reads at once, changes item by item, and writes at once."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Table

from lead_service.adapters.history import Step, Words, history_rows, history_words
from lead_service.adapters.personal import ERASED, contact_of
from lead_service.adapters.repositories import Held, first_row, next_row, saved, stale
from lead_service.adapters.rows import Row
from lead_service.adapters.shapes import Shape
from lead_service.application.ports import Saved
from onefunnel.errors import not_found
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Metadata, Record, encode
from onefunnel.vault.stored import Words as VaultWords
from onefunnel.vault.stored import gone

A = TypeVar("A")
V = TypeVar("V")


@dataclass
class Kept:
    """What a batch, or one item of it, is going to write beside its aggregates, in order."""

    records: list[Record] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[Table, dict[str, Any]]] = field(default_factory=list)
    words: list[VaultWords] = field(default_factory=list)

    def take(self, other: "Kept") -> None:
        """Add what another one kept."""
        self.records += other.records
        self.history += other.history
        self.rows += other.rows
        self.words += other.words


class Journal:
    """The open item: what it keeps, and how to undo what it did to the buffers."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.batch = Kept()
        self.item = Kept()
        self._undo: list[Callable[[], object]] = []

    def undoable(self, undo: Callable[[], object]) -> None:
        """Note how to undo a step of the open item."""
        self._undo.append(undo)

    def add_row(self, table: Table, values: dict[str, Any]) -> None:
        """Keep a row beside the aggregates."""
        self.item.rows.append((table, {"tenant_id": self.metadata.tenant_id, **values}))

    def keep(self) -> None:
        """Close the open item and keep it."""
        self.batch.take(self.item)
        self.item, self._undo = Kept(), []

    def forget(self) -> None:
        """Close the open item as if it had never been begun."""
        for undo in reversed(self._undo):
            undo()
        self.item, self._undo = Kept(), []


class BufferedAggregates(Generic[A, V]):
    """The aggregates of one kind, as far as a batch needs them."""

    def __init__(
        self,
        journal: Journal,
        shape: Shape[A, V],
        fetch: Callable[[Shape[Any, Any], Collection[UUID]], Any],
    ) -> None:
        self._journal = journal
        self._shape = shape
        self._fetch = fetch
        self._asked: set[UUID] = set()
        self._held: dict[UUID, Held] = {}
        self._stored_versions: dict[UUID, int] = {}

    async def load(self, ids: Collection[UUID]) -> None:
        """Read and lock those of `ids` that were not read yet."""
        missing = {id_ for id_ in ids if id_ not in self._asked and id_ not in self._held}
        if not missing:
            return
        self._asked.update(missing)
        for row in await self._fetch(self._shape, sorted(missing)):
            self._held[row["id"]] = Held(self._shape.from_row(row), row)
            self._stored_versions[row["id"]] = row["version"]

    async def find(self, id_: UUID) -> A | None:
        """Return the aggregate, locked for change, or None."""
        await self.load((id_,))
        held = self._held.get(id_)
        if held and ERASED in held.row:
            raise gone(self._shape.kind)
        return held.item if held else None

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
        await self.load(ids)
        return {id_: self._held[id_].item for id_ in ids if id_ in self._held}

    async def add(self, new: A, *events: Event, note: str | None = None) -> Saved[V] | None:
        """Keep a new aggregate and its events; None if the id is taken."""
        if new.id in self._held:  # type: ignore[attr-defined]
            return None
        records = encode(events, self._journal.metadata)
        row = first_row(self._shape, new, records, self._journal.metadata)
        return self._keep(Step(None, new, events, records, 0, Words(note)), row, None)

    async def save(
        self, changed: A, *events: Event, note: str | None = None, reason: str | None = None
    ) -> Saved[V]:
        """Keep a changed aggregate and its events."""
        before = self._held[changed.id]  # type: ignore[attr-defined]
        sequence = before.row["event_seq"]
        records = encode(events, self._journal.metadata, after_sequence=sequence)
        row = next_row(self._shape, before.row, changed, records)
        step = Step(before.item, changed, events, records, sequence, Words(note, reason))
        return self._keep(step, row, before)

    async def unchanged(self, id_: UUID) -> Saved[V]:
        """Return what `save` would, of an aggregate that stays as it is."""
        row = self._held[id_].row
        return Saved(id_, partial(self._shape.show, row), row["version"], (), changed=False)

    def holds(self, id_: UUID) -> bool:
        """Say whether an aggregate is known to exist."""
        return id_ in self._held

    def items(self) -> Mapping[UUID, A]:
        """Return everything that was read or made, as it is now."""
        return {id_: held.item for id_, held in self._held.items()}

    def written(self) -> tuple[Table, list[Row], list[Row]]:
        """Return the table, the new rows and the changed rows, each in the order of ids."""
        new: list[Row] = []
        changed: list[Row] = []
        for id_ in sorted(self._held, key=attrgetter("int")):
            row, seen = self._held[id_].row, self._stored_versions.get(id_)
            if seen is None:
                new.append(self._shape.stored(row, new=True))
            elif row["version"] != seen:
                changed.append(self._shape.stored(row, new=False) | {"seen": seen})
        return self._shape.table, new, changed

    def made(self) -> list[UUID]:
        """Return the ids of those that were not there before."""
        return [id_ for id_ in self._held if id_ not in self._stored_versions]

    def _keep(self, step: Step, row: dict[str, Any], before: Held | None) -> Saved[V]:
        journal, id_ = self._journal, row["id"]
        journal.item.words += contact_of(self._shape.personal, row, before.row if before else None)
        journal.item.words += history_words(self._shape, step)
        journal.item.records += step.records
        journal.item.history += history_rows(self._shape, step, journal.metadata)
        journal.undoable(partial(self._put_back, id_, before))
        self._held[id_] = Held(step.after, row)
        return saved(self._shape, step, row)

    def _put_back(self, id_: UUID, before: Held | None) -> None:
        if before is None:
            del self._held[id_]
        else:
            self._held[id_] = before
