"""Many items in one go: each is wholly in or not at all, and done again it changes nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from lead_service.application.ports import Batch, Mention, Saved, Tx
from onefunnel.errors import DomainError, conflict

ItemStatus = Literal["created", "updated", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class Action:
    """One command of an item, ready to run."""

    run: Callable[[Tx], Awaitable[Sequence[Saved[Any]]]]
    mentions: tuple[Mention, ...] = ()
    puts: bool = False  # makes a record as it is given, so it may be given anew
    place: str = ""  # JSON pointer of the command in its item


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a source: what it asks for, and what tells it from another version of itself."""

    key: str
    fingerprint: bytes
    actions: tuple[Action, ...]
    refused: Exception | None = None  # it could not even be read


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of an item."""

    key: str
    status: ItemStatus
    problem: Exception | None = None
    saved: tuple[Saved[Any], ...] = ()

    @property
    def event_ids(self) -> list[UUID]:
        """Return the events that the item published."""
        return [event_id for saved in self.saved for event_id in saved.event_ids]


async def import_items(source: str, items: Sequence[Item], *, batch: Batch) -> list[ItemResult]:
    """Run the items of a source in their order. Items that were imported before change nothing."""
    known = dict(await batch.remembered(source, {item.key for item in items}))
    fresh = [i for i in items if i.refused is None and known.get(i.key) != i.fingerprint]
    if fresh:
        await batch.prefetch({m for i in fresh for action in i.actions for m in action.mentions})
        # The same batch may have been committed between the two questions: what was read of it, it
        # remembers by now.
        known |= await batch.remembered(source, {item.key for item in fresh})
    results = []
    for item in items:
        result = await _imported(item, known.get(item.key), batch)
        if result.status != "rejected":
            known[item.key] = item.fingerprint
            if result.status != "unchanged" or result.saved:
                batch.remember(source, item.key, item.fingerprint)
        results.append(result)
    await batch.flush()
    return results


async def _imported(item: Item, known: bytes | None, batch: Batch) -> ItemResult:
    if item.refused is not None:
        return ItemResult(item.key, "rejected", item.refused)
    if known == item.fingerprint:
        return ItemResult(item.key, "unchanged")
    if known is not None and not all(action.puts for action in item.actions):
        return ItemResult(item.key, "rejected", _differs())
    return await run_item(item, batch)


async def run_item(item: Item, batch: Batch) -> ItemResult:
    """Run one item's commands: all of them, or none."""
    saved: list[Saved[Any]] = []
    place = ""
    try:
        with batch.item():
            for action in item.actions:
                place = action.place
                saved.extend(await action.run(batch.tx))
    except DomainError as error:
        return ItemResult(item.key, "rejected", _at(place, error))
    return ItemResult(item.key, _status(saved), saved=tuple(saved))


def _at(place: str, error: DomainError) -> DomainError:
    pointer = place + (error.pointer or "")
    return DomainError(error.code, error.detail, kind=error.kind, pointer=pointer or None)


def _status(saved: Sequence[Saved[Any]]) -> ItemStatus:
    if any(one.created for one in saved):
        return "created"
    return "updated" if any(one.changed for one in saved) else "unchanged"


def _differs() -> DomainError:
    return conflict(
        "This row was imported before with other values, and what happened is not rewritten; "
        "change the lead or the deal itself, or give the row another key."
    )


async def run_all(items: Sequence[Item], *, batch: Batch) -> list[ItemResult]:
    """Run items that nobody remembers, each for itself."""
    await batch.prefetch({m for item in items for action in item.actions for m in action.mentions})
    results = [
        ItemResult(item.key, "rejected", item.refused)
        if item.refused is not None
        else await run_item(item, batch)
        for item in items
    ]
    await batch.flush()
    return results
