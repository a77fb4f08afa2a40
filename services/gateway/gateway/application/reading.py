"""Reading what came in: each change once, told on in our words, in one transaction with what becomes of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

import orjson

from gateway.application.deliveries import (
    Claim,
    Claimed,
    Deliveries,
    Genuine,
    ItemFault,
    StoredDelivery,
    Telling,
    meaning_of,
)
from gateway.application.intake import told_in
from gateway.application.sharing import Call, Rewriting, Sharing
from gateway.domain.connection import Connection
from gateway.domain.webhooks.mapping import Fault
from gateway.domain.webhooks.reading import Change, Unreadable

RECURS_AFTER_S: Final = 600
ENOUGH: Final = (
    500  # changes in a turn: what else runs in the process waits for no longer than these take
)
GONE: Final = Fault("/body", "gone", "was erased before it was read")
BROKEN: Final = Fault(
    "/body", "broken", "broke its reader, which is our fault; replay it when mended"
)
CONTRADICTS: Final = Fault(
    "/id", "contradicts", "came before under this id with other content; what came first counts"
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A delivery that was kept, and what its vendor said in it, or why that cannot be known."""

    delivery: StoredDelivery
    connection: Connection
    changes: Sequence[Change]
    fault: Fault | None = None


class Connections(Protocol):
    """The connections of one tenant, in one transaction."""

    async def of(self, ids: Collection[UUID]) -> Mapping[UUID, Connection]:
        """Return connections by their ids."""
        ...


class Waiting(Deliveries, Rewriting, Protocol):
    """The deliveries of one tenant that wait to be read, in one transaction."""

    async def unread(self, limit: int) -> Sequence[StoredDelivery]:
        """Return the oldest that nobody read yet, held for the rest of the transaction."""
        ...

    async def contents(self, deliveries: Sequence[StoredDelivery]) -> Sequence[bytes | None]:
        """Return the bodies of deliveries, None for each that was erased or whose time is over."""
        ...


@dataclass(frozen=True, slots=True)
class _Read:
    """A delivery with what was new in it."""

    unread: Unread
    new: Sequence[Change]
    telling: Telling


Named = Mapping[str, Change]


async def read_next(
    most: int, *, deliveries: Waiting, connections: Connections, sharing: Sharing
) -> int:
    """Read the oldest that wait, at most so many and not much more than enough; return how many."""
    kept = await deliveries.unread(most)
    if not kept:
        return 0
    behind = await connections.of({one.connection_id for one in kept})
    unread: list[Unread] = []
    changes = 0
    for delivery, content in zip(kept, await deliveries.contents(kept), strict=True):
        call = Call(delivery, behind[delivery.connection_id], content)
        unread.append(_opened(await sharing.own_part(call, deliveries=deliveries)))
        if (changes := changes + len(unread[-1].changes)) >= ENOUGH:
            break
    await read_all(unread, deliveries=deliveries)
    return len(unread)


async def set_aside(*, deliveries: Waiting) -> None:
    """Let the oldest that waits wait for a person: it cannot be read, and not for a want of its own."""
    for delivery in await deliveries.unread(1):
        await deliveries.settle([Telling(_failed(delivery, BROKEN), ())])


def _opened(call: Call) -> Unread:
    delivery, connection = call.delivery, call.connection
    if call.content is None:
        return Unread(delivery, connection, (), GONE)
    try:
        return Unread(delivery, connection, told_in(connection, call.content).changes)
    except Unreadable as error:
        return Unread(delivery, connection, (), Fault(error.pointer, "unreadable", str(error)))


def _failed(delivery: StoredDelivery, fault: Fault) -> StoredDelivery:
    return replace(delivery, status="failed").with_faults((ItemFault("delivery", fault),))


async def read_all(unread: Sequence[Unread], *, deliveries: Deliveries) -> list[StoredDelivery]:
    """Read kept deliveries of one tenant in the order in which they came; return what became of each."""
    named = [_named(one.changes, one.delivery.received_at) for one in unread]
    claims = [
        claim
        for one, names in zip(unread, named, strict=True)
        for claim in _claims(one.delivery.id, one.connection, names)
    ]
    claimed = await deliveries.claim(claims)
    read = [_read(one, names, claimed) for one, names in zip(unread, named, strict=True)]
    await _settle(read, deliveries)
    return [one.telling.delivery for one in read]


async def take_in(
    answer: Genuine, connection: Connection, changes: Sequence[Change], *, deliveries: Deliveries
) -> StoredDelivery | None:
    """Keep and read an answer that we asked a CRM for; one in which nothing is new is not kept."""
    names = _named(changes, answer.received_at)
    claimed = await deliveries.claim(_claims(answer.id, connection, names))
    if names and not claimed.new:
        return None
    (kept,) = await deliveries.keep([answer])
    read = _read(Unread(kept, connection, changes), names, claimed)
    await _settle([read], deliveries)
    return read.telling.delivery


def _named(changes: Sequence[Change], received_at: datetime) -> Named:
    return {_key(change, received_at): change for change in changes}


def _key(change: Change, received_at: datetime) -> str:
    """Return what a change is known by; one without an id of its own is itself for ten minutes."""
    if not change.recurs:
        return change.key
    return f"{change.key}@{int(received_at.timestamp()) // RECURS_AFTER_S}"


def _claims(delivery_id: UUID, connection: Connection, names: Named) -> list[Claim]:
    return [
        Claim(connection.id, key, delivery_id, _digest(change), change.record)
        for key, change in names.items()
    ]


def _digest(change: Change) -> bytes:
    """Return the digest of what a change says: under one id nobody may say two things."""
    content = [
        change.kind,
        change.external_id,
        change.at,
        change.deleted,
        sorted(change.fields.items()),
    ]
    return sha256(orjson.dumps(content)).digest()


def _read(unread: Unread, names: Named, claimed: Claimed) -> _Read:
    delivery, connection = unread.delivery, unread.connection
    if unread.fault is not None:
        return _Read(unread, (), Telling(_failed(delivery, unread.fault), ()))
    new = [change for key, change in names.items() if (delivery.id, key) in claimed.new]
    meaning = meaning_of(new, connection, delivery.id, delivery.received_at)
    faults = [
        ItemFault(change.what, CONTRADICTS)
        for key, change in names.items()
        if (delivery.id, key) in claimed.contradicting
    ]
    read = replace(delivery, changes=len(unread.changes)).come_to(meaning.with_faults(faults))
    if names and not new:
        read = replace(read, status="duplicate")
    return _Read(unread, new, Telling(read, meaning.events))


async def _settle(read: Sequence[_Read], deliveries: Deliveries) -> None:
    """Note what became of deliveries, tell on, and do what they ask for beside."""
    await deliveries.settle([one.telling for one in read])
    await deliveries.claim([claim for one in read if one.new for claim in _mentions(one)])
    for one in read:
        await _follow(one, deliveries)
    await _forget_erased(read, deliveries)


def _mentions(read: _Read) -> list[Claim]:
    """Return what a body is found by when a record of which it says nothing new is erased."""
    delivery, said = read.telling.delivery, {change.record for change in read.new}
    known = {record for change in read.unread.changes if (record := change.record)} - said
    return [
        Claim(delivery.connection_id, f"in:{delivery.id}:{record}", delivery.id, b"", record)
        for record in sorted(known)
    ]


async def ask_for(
    changes: Sequence[Change],
    delivery: StoredDelivery,
    connection: Connection,
    *,
    deliveries: Deliveries,
) -> None:
    """Note which records are to be read in the CRM, or that all of them are to be compared."""
    if connection.access is None:
        return
    await deliveries.ask(delivery, [change for change in changes if change.thin])
    if any(change.gap for change in changes):
        await deliveries.compare(connection.id)


async def _follow(read: _Read, deliveries: Deliveries) -> None:
    """Read records in the CRM that were only hinted at, add up views."""
    connection, delivery = read.unread.connection, read.telling.delivery
    await ask_for(read.new, delivery, connection, deliveries=deliveries)
    for change in read.new:
        if change.look is not None:
            at = change.at or delivery.received_at
            await deliveries.note_look(connection, delivery.id, change.look, at)


async def _forget_erased(read: Sequence[_Read], deliveries: Deliveries) -> None:
    """Keep no body that speaks of a record whose subject asked to be erased, in whatever order they come."""
    by_connection: dict[UUID, list[_Read]] = {}
    for one in read:
        by_connection.setdefault(one.unread.connection.id, []).append(one)
    for connection_id, theirs in by_connection.items():
        changes = [change for one in theirs for change in one.unread.changes if change.record]
        erased = {change.record for change in changes if change.erased and change.record}
        spoken_of = {change.record for change in changes if change.record}
        erased |= await deliveries.erased_among(connection_id, sorted(spoken_of - erased))
        if erased:
            last = theirs[-1].telling.delivery.id
            await deliveries.erase(connection_id, last, sorted(erased))
