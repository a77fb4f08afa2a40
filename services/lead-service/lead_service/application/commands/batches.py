"""Many items in one go: each is wholly in or not at all, and done again it changes nothing."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
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
    addresses: tuple[str, ...] = ()  # e-mail addresses that it brings


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a source: what it asks for, and what tells it from another version of itself."""

    key: str
    fingerprint: bytes
    read: Callable[[], "Reading"]  # asked only of items that are not known already


@dataclass(frozen=True, slots=True)
class Reading:
    """What an item asks for, or why it could not even be read."""

    actions: tuple[Action, ...] = ()
    refused: Exception | None = None

    @property
    def puts(self) -> bool:
        """Say whether the item may be run anew with other values."""
        return all(action.puts for action in self.actions)


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
    fresh = {n: i.read() for n, i in enumerate(items) if known.get(i.key) != i.fingerprint}
    if fresh:
        await batch.prefetch(_mentions(fresh.values()), _addresses(fresh.values()))
        # The same batch may have been committed between the two questions: what was read of it, it
        # remembers by now.
        known |= await batch.remembered(source, {items[n].key for n in fresh})
    results = []
    for n, item in enumerate(items):
        result = await _imported(item, fresh.get(n), known.get(item.key), batch)
        if result.status != "rejected" and known.get(item.key) != item.fingerprint:
            known[item.key] = item.fingerprint
            batch.remember(source, item.key, item.fingerprint)
        results.append(result)
    await batch.flush()
    return results


async def _imported(
    item: Item, reading: Reading | None, known: bytes | None, batch: Batch
) -> ItemResult:
    if known == item.fingerprint:
        return ItemResult(item.key, "unchanged")
    reading = reading or item.read()
    if reading.refused is None and known is not None and not reading.puts:
        return ItemResult(item.key, "rejected", _differs())
    return await run_item(item.key, reading, batch)


def _mentions(readings: Iterable[Reading]) -> set[Mention]:
    return {m for reading in readings for action in reading.actions for m in action.mentions}


def _addresses(readings: Iterable[Reading]) -> set[str]:
    return {a for reading in readings for action in reading.actions for a in action.addresses}


async def run_item(key: str, reading: Reading, batch: Batch) -> ItemResult:
    """Run one item's commands: all of them, or none."""
    if reading.refused is not None:
        return ItemResult(key, "rejected", reading.refused)
    saved: list[Saved[Any]] = []
    place = ""
    try:
        with batch.item():
            for action in reading.actions:
                place = action.place
                saved.extend(await action.run(batch.tx))
    except DomainError as error:
        return ItemResult(key, "rejected", _at(place, error))
    return ItemResult(key, _status(saved), saved=tuple(saved))


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


async def run_all(readings: Sequence[Reading], *, batch: Batch) -> list[ItemResult]:
    """Run items that nobody remembers, each for itself; their keys are their places."""
    await batch.prefetch(_mentions(readings), _addresses(readings))
    results = [await run_item(str(n), reading, batch) for n, reading in enumerate(readings)]
    await batch.flush()
    return results
