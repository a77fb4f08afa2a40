"""Rebuild: a new generation of all projections, folded from the journal, then switched at once.

The fold pauses, the product does not: writes go on into the log, reads are served from the old
generation. Killed at any moment the old generation lives.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from metrics_service.application.fold_ledger import Credited
from metrics_service.application.fold_order import AggregateKey
from metrics_service.application.fold_recount import (
    Counted,
    Journal,
    Recount,
    rules_of,
    whole_entities,
)
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import Key, LedgerKey, PayKey, PayVector, Vector
from metrics_service.projections.pay.owed import ledger_key, owed
from onefunnel import faults

Progress = Callable[[int, int], None]


class Difference(NamedTuple):
    """A ledger key where the book is not what is owed; an operator may post the difference."""

    tenant_id: UUID
    key: LedgerKey
    owed_minor: int
    posted_minor: int


class Changed(NamedTuple):
    """How many rows of a table the new generation has, and how many of them the old one had not."""

    table: str
    rows: int
    only_new: int
    only_old: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild found. Same code and same journal: no table changed, no difference."""

    generation: int
    events: int
    entities: int
    changed: Sequence[Changed]
    differences: Sequence[Difference]

    @property
    def clean(self) -> bool:
        """Say whether the new generation is the old one again and the book is right."""
        same = all(not (table.only_new or table.only_old) for table in self.changed)
        return same and not self.differences


class Building(Protocol):
    """An open rebuild: the fold waits, a new schema is being filled, nobody reads it yet."""

    @property
    def number(self) -> int:
        """Return the number of the new generation."""
        ...

    @property
    def journal(self) -> Journal:
        """Return the journal, which does not grow meanwhile."""
        ...

    async def events(self) -> int:
        """Return how many events of entities the journal has."""
        ...

    async def write(self, entities: Sequence[Counted]) -> None:
        """Write entity rows."""
        ...

    async def finish(
        self,
        rules: Mapping[UUID, Definitions],
        totals: Mapping[UUID, Mapping[Key, Vector]],
        stepped_over: Mapping[AggregateKey, tuple[UUID, int]],
    ) -> None:
        """Write the rest, make the indexes, check what was written against what was counted."""
        ...

    async def posted(self) -> Mapping[UUID, Mapping[LedgerKey, int]]:
        """Return the sums of the book."""
        ...

    async def due(
        self, keys: Mapping[UUID, Sequence[LedgerKey]]
    ) -> Sequence[tuple[UUID, LedgerKey]]:
        """Keep, of these keys, those that were to be settled anyway; return them."""
        ...

    async def compare(self) -> Sequence[Changed]:
        """Return how the new generation differs from the live one, table by table."""
        ...

    async def switch(self) -> None:
        """Make the new generation the live one and let the fold go on: one commit."""
        ...


class RebuildStore(Protocol):
    """Where generations are made."""

    def building(self) -> AbstractAsyncContextManager[Building]:
        """Drop what is left over, stop the fold and open a new generation; undone unless switched."""
        ...


async def rebuild(store: RebuildStore, progress: Progress = lambda _done, _total: None) -> Report:
    """Fold the journal into a new generation, compare, and switch. Raises if the check fails."""
    async with store.building() as building:
        total = await building.events()
        rules = await rules_of(building.journal)
        stepped_over = await building.journal.stepped_over()
        recount = Recount(rules, stepped_over)
        entities = await _write_entities(building, recount, progress, total)
        await building.finish(rules, recount.totals, stepped_over)
        faults.point("rebuild.after_fold")
        differences = await _differences(building, rules, recount.totals)
        changed = await building.compare()
        faults.point("rebuild.before_flip")
        await building.switch()
    faults.point("rebuild.after_flip")
    return Report(building.number, total, entities, changed, differences)


async def _write_entities(
    building: Building, recount: Recount, progress: Progress, total: int
) -> int:
    done = entities = 0
    async for rows in whole_entities(building.journal.entities()):
        counted = list(recount.count(rows))
        await building.write(counted)
        done, entities = done + len(rows), entities + len(counted)
        progress(done, total)
    rest = list(recount.rest())
    await building.write(rest)
    return entities + len(rest)


async def _differences(
    building: Building,
    rules: Mapping[UUID, Definitions],
    totals: Mapping[UUID, Mapping[Key, Vector]],
) -> list[Difference]:
    posted = await building.posted()
    found = [
        Difference(tenant_id, key, due, was)
        for tenant_id in sorted({*rules, *posted})
        for key, due, was in compared(
            rules.get(tenant_id) or Definitions.empty(),
            totals.get(tenant_id, {}),
            posted.get(tenant_id, {}),
        )
    ]
    keys: dict[UUID, list[LedgerKey]] = {}
    for difference in found:
        keys.setdefault(difference.tenant_id, []).append(difference.key)
    due_anyway = set(await building.due(keys))
    return [d for d in found if (d.tenant_id, d.key) not in due_anyway]


def compared(
    rules: Definitions, totals: Mapping[Key, Vector], posted: Mapping[LedgerKey, int]
) -> Iterable[tuple[LedgerKey, int, int]]:
    """Yield every ledger key whose posted sum is not what is owed: key, owed, posted."""
    credited: dict[LedgerKey, list[tuple[PayKey, PayVector]]] = {}
    for key, vector in totals.items():
        if isinstance(key, PayKey) and isinstance(vector, PayVector):
            credited.setdefault(ledger_key(key), []).append((key, vector))
    for under in sorted({*credited, *posted, *rules.adjusted}):
        pay: Credited = credited.get(under, ())
        due, was = owed(under, pay, rules), posted.get(under, 0)
        if due != was:
            yield under, due, was
