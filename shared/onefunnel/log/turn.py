"""One turn of a consumer: positions, inbox, effects and dead letters in one transaction."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel import faults
from onefunnel.events.envelope import Envelope
from onefunnel.log import inbox
from onefunnel.log.arrivals import Arrival, Handler
from onefunnel.log.dead_letters import Key, bury, dead_records, held_keys, park
from onefunnel.log.ownership import Advance, Claim, advance, halt, lock
from onefunnel.log.port import Partition
from onefunnel.log.transience import is_transient
from onefunnel.persistence.database import Database, driver_of
from onefunnel.tracing import trace_id_of

MAX_DEAD_IN_A_ROW: Final = 20

Taken = Mapping[Partition, Sequence[Arrival]]
# Says, asked once a turn for the tenants in it, which events have an effect at all.
Interest = Callable[[AsyncConnection, Collection[UUID]], Awaitable[Callable[[Envelope], bool]]]


@dataclass(slots=True)
class Outcome:
    """What a turn did, and the claims that are left."""

    claims: dict[Partition, Claim] = field(default_factory=dict)
    halted: dict[Partition, str] = field(default_factory=dict)
    applied: int = 0
    duplicates: int = 0
    ignored: int = 0
    dead: int = 0
    parked: int = 0


async def take_turn(
    database: Database,
    group: str,
    handlers: Mapping[str, Handler],
    claims: Mapping[Partition, Claim],
    taken: Taken,
    *,
    careful: bool,
    interest: Interest | None = None,
) -> Outcome:
    """Apply what was taken from the log, once each, and move its partitions past it.

    Events without `interest` are passed over as those of other types are, and leave nothing behind.
    `careful` puts each event under a savepoint and makes dead letters of the bad ones. Raises
    `ClaimLost`, a transient error, or, unless careful, what a handler raised; then nothing happened.
    """
    mine = [claims[partition] for partition in sorted(taken)]
    async with database.transaction() as conn:
        driver = driver_of(conn)
        await lock(driver, group, mine)
        if interest is not None:
            taken = await _of_interest(conn, interest, taken)
        known = await _digests(conn, group, taken), await _held(conn, group, taken)
        turn = _Turn(conn, group, handlers, careful, *known)
        moves = [await turn.pass_over(claim, taken[claim.partition]) for claim in mine]
        await inbox.add(driver, turn.added)
        outcome = turn.outcome
        outcome.claims = await advance(driver, group, moves)
        for partition, reason in outcome.halted.items():
            await halt(driver, group, outcome.claims.pop(partition), reason)
        faults.point("reaction.before_commit")
    faults.point("reaction.after_commit")
    return outcome


async def _of_interest(conn: AsyncConnection, interest: Interest, taken: Taken) -> Taken:
    """Return what was taken, its events taken out where nobody has an interest in them."""
    tenants = {envelope.tenantid for envelope in _ours(taken)}
    if not tenants:
        return taken
    is_wanted = await interest(conn, tenants)
    return {
        partition: [one if _matters(one, is_wanted) else replace(one, event=None) for one in found]
        for partition, found in taken.items()
    }


def _matters(arrival: Arrival, is_wanted: Callable[[Envelope], bool]) -> bool:
    return arrival.event is None or arrival.envelope is None or is_wanted(arrival.envelope)


async def _digests(conn: AsyncConnection, group: str, taken: Taken) -> dict[UUID, bytes]:
    """Return the digests of those events that were applied or put aside before."""
    ids = [envelope.id for envelope in _ours(taken)]
    if not ids:
        return {}
    driver = driver_of(conn)
    dead = await dead_records(driver, group, ids)
    died = {event_id: inbox.digest_of(record) for event_id, record in dead.items()}
    return died | await inbox.known(driver, ids)


async def _held(conn: AsyncConnection, group: str, taken: Taken) -> set[Key]:
    """Return the keys that a dead event holds, of those that the turn touches."""
    subjects = {envelope.subject for envelope in _ours(taken)}
    return await held_keys(driver_of(conn), group, subjects) if subjects else set()


def _ours(taken: Taken) -> Iterator[Envelope]:
    """Yield the envelopes of those records that concern us."""
    for arrivals in taken.values():
        for arrival in arrivals:
            if arrival.envelope and (arrival.event or arrival.fault):
                yield arrival.envelope


@dataclass(slots=True)
class _Turn:
    """A turn in the making, inside its transaction."""

    conn: AsyncConnection
    group: str
    handlers: Mapping[str, Handler]
    careful: bool
    seen: dict[UUID, bytes]
    held: set[Key]
    added: dict[UUID, bytes] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    tenant: UUID | None = None

    async def pass_over(self, claim: Claim, arrivals: Sequence[Arrival]) -> Advance:
        """Deal with a partition's records in order, and say how far that went."""
        last, dead_in_a_row = claim.last_event_id, claim.dead_in_a_row
        for arrival in arrivals:
            if dead_in_a_row >= MAX_DEAD_IN_A_ROW:
                self.outcome.halted[claim.partition] = f"{dead_in_a_row} dead letters in a row"
                return Advance(claim, arrival.position, last, dead_in_a_row)
            if self._must_wait(arrival):
                await self._park(arrival)  # says nothing about what is wrong: no link in the row
            else:
                died = await self._deal_with(arrival)
                dead_in_a_row = dead_in_a_row + 1 if died else 0
            last = arrival.envelope.id if arrival.envelope else None
        return Advance(claim, arrivals[-1].position + 1, last, dead_in_a_row)

    def _must_wait(self, arrival: Arrival) -> bool:
        """Say whether it is new, concerns us, and a dead event before it holds its key."""
        envelope = arrival.envelope
        if envelope is None or (arrival.event is None and arrival.fault is None):
            return False
        return envelope.id not in self.seen and arrival.key in self.held

    async def _park(self, arrival: Arrival) -> None:
        assert arrival.envelope is not None
        self.seen[arrival.envelope.id] = inbox.digest_of(arrival.record)
        waiting = arrival.death("waits for a dead event of its aggregate")
        await park(driver_of(self.conn), self.group, waiting)
        self.outcome.parked += 1

    async def _deal_with(self, arrival: Arrival) -> bool:
        """Apply one record if it is new and concerns us; bury it if it can never be, and say so."""
        envelope = arrival.envelope
        if envelope is None:
            return await self._bury(arrival, arrival.fault or "no envelope", holds=False)
        if arrival.event is None and arrival.fault is None:
            self.outcome.ignored += 1
            return False
        digest = inbox.digest_of(arrival.record)
        if (before := self.seen.get(envelope.id)) is not None:
            if before != digest:
                taken = "another record with this id was here before"
                return await self._bury(arrival, taken, holds=False)
            self.outcome.duplicates += 1
            return False
        self.seen[envelope.id] = digest
        if reason := arrival.fault or await self._apply(arrival):
            return await self._bury(arrival, reason, holds=True)
        self.added[envelope.id] = digest
        self.outcome.applied += 1
        return False

    async def _bury(self, arrival: Arrival, reason: str, *, holds: bool) -> bool:
        await bury(driver_of(self.conn), self.group, arrival.death(reason, holds=holds))
        self.outcome.dead += 1
        if holds and arrival.key:
            self.held.add(arrival.key)
        return True

    async def _apply(self, arrival: Arrival) -> str | None:
        assert arrival.envelope is not None
        await self._enter(arrival.envelope.tenantid)
        if not self.careful:
            await handle(self.conn, self.handlers, arrival)
            return None
        return await try_handle(self.conn, self.handlers, arrival)

    async def _enter(self, tenant: UUID) -> None:
        """Set the tenant, for whatever relies on it; the worker's role is not held by row policies."""
        if tenant != self.tenant:
            await enter_tenant(self.conn, tenant)
            self.tenant = tenant


async def enter_tenant(conn: AsyncConnection, tenant: UUID) -> None:
    """Set the tenant for the rest of the transaction."""
    query = "SELECT set_config('app.tenant', $1, true)"
    await driver_of(conn).execute(query, str(tenant))


async def handle(conn: AsyncConnection, handlers: Mapping[str, Handler], arrival: Arrival) -> None:
    """Call the handler of an event."""
    assert arrival.envelope is not None
    assert arrival.event is not None
    envelope = arrival.envelope
    with structlog.contextvars.bound_contextvars(
        correlation_id=envelope.correlationid, trace_id=trace_id_of(envelope.traceparent)
    ):
        await handlers[envelope.type](conn, envelope, arrival.event)


async def try_handle(
    conn: AsyncConnection, handlers: Mapping[str, Handler], arrival: Arrival
) -> str | None:
    """Call the handler under a savepoint; return why the event can never be applied, if so.

    Whatever the handler raises and is not transient condemns the event alone, and its changes with it.
    """
    driver = driver_of(conn)
    await driver.execute("SAVEPOINT event")
    try:
        await handle(conn, handlers, arrival)
        await driver.execute("RELEASE SAVEPOINT event")
    except Exception as error:
        if is_transient(error):
            raise
        await driver.execute("ROLLBACK TO SAVEPOINT event")
        return f"{type(error).__name__}: {error}"
    return None
