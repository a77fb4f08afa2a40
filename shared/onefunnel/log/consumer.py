"""The frame of everything that reacts to events: claims partitions, takes turns, survives everything.

A service says which handler belongs to which event type. The frame sees to it that each event has its
effect once: duplicates change nothing, a bad event is put aside with its bytes and its reason, and a
database that is away for an hour costs an hour and no event.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from onefunnel import telemetry, tracing
from onefunnel.events.catalogue import CATALOGUE
from onefunnel.ids import new_id
from onefunnel.log import ownership
from onefunnel.log.arrivals import Handler, arrivals
from onefunnel.log.continuity import discontinuities
from onefunnel.log.ownership import Claim, ClaimLost
from onefunnel.log.port import (
    Damaged,
    EventLog,
    LogChanged,
    Partition,
    PartitionsChanged,
    PositionOutOfRange,
    Reader,
    Slice,
)
from onefunnel.log.transience import is_transient
from onefunnel.log.turn import Interest, Outcome, Taken, take_turn
from onefunnel.outbox.lease import new_owner
from onefunnel.outbox.writer import StaleVersion
from onefunnel.persistence.database import DRIVER_ERRORS, Database, DriverConnection
from onefunnel.wakeups import Pace

TURN_RECORDS: Final = 100
TURN_BYTES: Final = 4 * 1024 * 1024
FETCH_WAIT_S: Final = 0.5
# A request may change a row between a handler's load and its save; the turn is simply taken again.
MAX_STALE_IN_A_ROW: Final = 5

_log = telemetry.log("reactions")


class Reactions:
    """One service's reactions: a group of one kind of consumer, over the topics its handlers name."""

    def __init__(
        self,
        database: Database,
        log: EventLog,
        group: str,
        handlers: Mapping[str, Handler],
        *,
        interest: Interest | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Take `wake`, which is called when handlers have committed: they may have filled an outbox.

        Without `interest` every event of the handlers' types has an effect.
        """
        self._database = database
        self._event_log = log
        self._group = group
        self._handlers = handlers
        self._interest = interest
        self._wake = wake
        self._topics = {CATALOGUE[type_].topic for type_ in handlers}
        self._owner = new_owner()
        self._claims: dict[Partition, Claim] = {}
        self._ends: dict[Partition, int] = {}
        self._stale = 0

    async def run(self, stop: asyncio.Event) -> None:
        """React until `stop` is set; then finish the turn, give the claims back and return.

        Raises `PartitionsChanged`, which no waiting cures.
        """
        pace = Pace()
        while not stop.is_set():
            try:
                async with self._session() as (connection, reader):
                    await self._turns(connection, reader, stop, pace)
            except ClaimLost as error:
                _log.info("claim_lost", group=self._group, error=str(error))
            except PartitionsChanged:
                raise
            except Exception as error:  # noqa: BLE001 - other consumers share this process: try again
                passing = is_transient(error)
                told = _log.warning if passing else _log.error
                told("reactions_failed", group=self._group, error=repr(error), exc_info=not passing)
            if not stop.is_set():
                await _rest(stop, pace.pause_s())
        with contextlib.suppress(*DRIVER_ERRORS):
            async with self._database.driver() as connection:
                await ownership.release(connection, self._group, self._owner)

    @asynccontextmanager
    async def _session(
        self,
    ) -> AsyncIterator[tuple[DriverConnection, Reader]]:
        """Open a connection and a reader and claim my share of what is free.

        After an error the partitions keep my name until I claim them anew: others need not move.
        """
        reader = self._event_log.reader()
        async with self._database.driver() as connection:
            try:
                topics = [t for t in await self._event_log.topics() if t.name in self._topics]
                await ownership.ensure_partitions(connection, self._group, topics)
                await self._take_share(connection, reader)
                yield connection, reader
            finally:
                self._claims = {}
                await reader.close()

    async def _turns(
        self,
        connection: DriverConnection,
        reader: Reader,
        stop: asyncio.Event,
        pace: Pace,
    ) -> None:
        clock = asyncio.get_running_loop().time
        upkeep_at = clock() + ownership.RENEW_S
        while not stop.is_set():
            found = await self._fetch(connection, reader, stop)
            if found:
                await self._turn(found)
                pace.reset()
            if clock() >= upkeep_at:
                await self._upkeep(connection, reader)
                upkeep_at = clock() + ownership.RENEW_S

    async def _fetch(
        self,
        connection: DriverConnection,
        reader: Reader,
        stop: asyncio.Event,
    ) -> dict[Partition, Slice]:
        if not self._claims:
            await _rest(stop, FETCH_WAIT_S)
            return {}
        wanted = {partition: claim.next_position for partition, claim in self._claims.items()}
        try:
            return await reader.fetch(
                wanted, max_records=TURN_RECORDS, max_bytes=TURN_BYTES, wait_s=FETCH_WAIT_S
            )
        except (PositionOutOfRange, Damaged) as error:
            await self._halt(connection, error.partition, str(error))
        except LogChanged as error:
            for partition in tuple(self._claims):
                await self._halt(connection, partition, str(error))
        return {}

    async def _turn(self, found: Mapping[Partition, Slice]) -> None:
        taken = {p: list(arrivals(p, slice_, self._handlers)) for p, slice_ in found.items()}
        try:
            outcome = await self._take(taken, careful=False)
        except StaleVersion:
            self._stale += 1
            if self._stale <= MAX_STALE_IN_A_ROW:
                return  # nothing has happened; the next turn is the same one
            outcome = await self._take(taken, careful=True)
        except Exception as error:
            if isinstance(error, ClaimLost) or is_transient(error):
                raise
            outcome = await self._take(taken, careful=True)
        self._stale = 0
        self._note(taken, outcome)
        if outcome.applied:
            self._wake()

    async def _take(self, taken: Taken, *, careful: bool) -> Outcome:
        records = (arrival.record for arrivals_ in taken.values() for arrival in arrivals_)
        with (
            telemetry.timed("turn_seconds", service=self._group),
            tracing.turn("reaction turn", self._group, records) as trace_id,
            telemetry.bound(self._group, str(new_id()), trace_id),
        ):
            return await take_turn(
                self._database,
                self._group,
                self._handlers,
                self._claims,
                taken,
                careful=careful,
                interest=self._interest,
            )

    def _note(self, taken: Taken, outcome: Outcome) -> None:
        """Keep the claims that are left, those just served last in line."""
        for partition in taken:
            del self._claims[partition]
        self._claims |= outcome.claims
        for partition, reason in outcome.halted.items():
            self._tell_halted(partition, reason)
        counts: dict[telemetry.CounterName, int] = {
            "reaction_applied_total": outcome.applied,
            "reaction_duplicates_total": outcome.duplicates,
            "reaction_ignored_total": outcome.ignored,
            "reaction_dead_letters_total": outcome.dead,
        }
        for name, n in counts.items():
            telemetry.count(name, n, service=self._group)

    async def _upkeep(self, connection: DriverConnection, reader: Reader) -> None:
        """Do what time brings: take my share, say where the log ends."""
        await self._take_share(connection, reader)
        ends = await self._event_log.end_positions(self._claims)
        if ends != self._ends:
            await ownership.note_ends(connection, self._group, self._owner, ends)
            self._ends = ends

    async def _take_share(self, connection: DriverConnection, reader: Reader) -> None:
        """Give up and claim as the group's members want it; read nothing on that is not continuous."""
        before = self._claims
        self._claims = await ownership.take_share(connection, self._group, self._owner, before)
        new = [claim for p, claim in self._claims.items() if before.get(p) != claim]
        if new:
            ids = {topic.name: topic.log_id for topic in await self._event_log.topics()}
            broken = await discontinuities(reader, ids, new)
            for partition, reason in broken.items():
                await self._halt(connection, partition, reason)

    async def _halt(
        self,
        connection: DriverConnection,
        partition: Partition,
        reason: str,
    ) -> None:
        self._tell_halted(partition, reason)
        await ownership.halt(connection, self._group, self._claims.pop(partition), reason)

    def _tell_halted(self, partition: Partition, reason: str) -> None:
        telemetry.count("partitions_halted_total", service=self._group)
        _log.error("partition_halted", group=self._group, partition=partition, reason=reason)


async def _rest(stop: asyncio.Event, pause_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause_s):
            await stop.wait()
