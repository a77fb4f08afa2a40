"""The fold: from the log into journal, projections and book, one transaction per turn, exactly once."""

import asyncio
import gc
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from metrics_service.application.fold_batch import (
    Portion,
    died_of,
    event_id_of,
    events_of,
    unreadable_of,
)
from metrics_service.application.fold_feed import Feed
from metrics_service.application.fold_isolate import bury_one, fold_one
from metrics_service.application.fold_order import Dead, Ordered
from metrics_service.application.fold_ports import AlreadyWritten, FoldStore, Retry, Turn
from metrics_service.application.fold_rederive import rederive
from metrics_service.application.fold_rules import RulesCache, tenants_of
from metrics_service.application.fold_turn import PLAINLY, Batch, How, fold
from onefunnel import faults, telemetry, tracing
from onefunnel.events.topics import TOPICS
from onefunnel.ids import new_id
from onefunnel.log.continuity import discontinuities
from onefunnel.log.ownership import Advance, Claim, ClaimLost
from onefunnel.log.port import (
    Damaged,
    EventLog,
    LogChanged,
    LogError,
    Partition,
    PositionOutOfRange,
    Reader,
)

SERVICE: Final = "metrics-service"  # as metrics, logs and traces call it

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a turn, and patience."""

    events: int = 1_000
    bytes: int = 8 * 1024 * 1024
    wait_s: float = 0.5
    look_after_s: float = 1.0  # below a third of the lease
    derivations: int = 4  # batches of entities to derive again, before the log is asked again
    first_pause_s: float = 0.05
    last_pause_s: float = 2.0  # whoever rests after an error is a member still
    dead_in_a_row: int = 100  # more than so many, and the partition halts: it is not the events


_ORDER = {topic.name: place for place, topic in enumerate(TOPICS)}


class TooManyDead(Exception):
    """A turn would leave a partition with more dead events in a row than allowed."""


class Fold:
    """Owns its share of the partitions and folds them, money first. Any number may run, one per process."""

    def __init__(self, store: FoldStore, log: EventLog, limits: Limits = Limits()) -> None:
        self._store = store
        self._log = log
        self._limits = limits
        self._cache = RulesCache()
        self._claims: dict[Partition, Claim] = {}
        self._feed: tuple[Reader, Feed] | None = None
        self._unfinished: set[UUID] = set()  # tenants of which something is to be derived again

    async def run(self, stop: asyncio.Event) -> None:
        """Fold until `stop` is set, then finish the turn and give the partitions back.

        Raises `PartitionsChanged`, which no waiting cures.
        """
        spare_the_collector()
        pause_s = self._limits.first_pause_s
        while not stop.is_set():
            try:
                await self._own(stop)
            except (Retry, ClaimLost, LogError) as error:
                _log.warning(
                    "fold.interrupted", error=type(error).__name__, detail=str(error)[:200]
                )
                await _pause(stop, pause_s)
                pause_s = min(2 * pause_s, self._limits.last_pause_s)
            else:
                pause_s = self._limits.first_pause_s
        with suppress(Retry):
            await self._store.release()

    async def _own(self, stop: asyncio.Event) -> None:
        """Claim partitions and fold them until asked to stop or until something comes between."""
        await self.start()
        reader = self._log.reader()
        clock = asyncio.get_running_loop().time
        look_after = 0.0
        try:
            while not stop.is_set():
                await self.turn(reader)
                if clock() >= look_after:
                    await self.look_after()
                    look_after = clock() + self._limits.look_after_s
                elif self._unfinished:
                    await self.derive()
        finally:
            await self.let_go()
            await reader.close()

    async def start(self) -> None:
        """Claim my share, and what bears my name since before an error."""
        await self._store.prepare(await self._log.topics())
        self._claims = {}
        await self._take_share()

    async def _take_share(self) -> None:
        """Own what the group's members want me to; what is of another log is halted, not folded."""
        before = self._claims
        claims = await self._store.take_share(before)
        self._claims = {p: claims[p] for p in sorted(claims, key=_served)}
        new = [claim for p, claim in self._claims.items() if before.get(p) != claim]
        for partition, reason in (await self._discontinuities(new)).items():
            await self._halt(self._claims[partition], reason)

    async def _discontinuities(self, claims: Collection[Claim]) -> Mapping[Partition, str]:
        """Return which claims do not go on where they left off, and why: they are halted, not folded."""
        if not claims:
            return {}
        log_ids = {topic.name: topic.log_id for topic in await self._log.topics()}
        reader = self._log.reader()
        try:
            return await discontinuities(reader, log_ids, claims)
        finally:
            await reader.close()

    async def look_after(self) -> None:
        """Take my share, note where the log ends, see what changes of rules left to be done and begin it."""
        await self._take_share()
        await self._store.note_ends(lambda: self._log.end_positions(list(self._claims)))
        self._unfinished = set(await self._store.tenants_with_work())
        for _ in range(self._limits.derivations):
            await self.derive()

    async def derive(self) -> bool:
        """Do a piece of what changes of rules left to be done, for each tenant; say whether more is left."""
        for tenant_id in sorted(self._unfinished):
            if not await rederive(self._store, self._cache, tenant_id):
                self._unfinished.discard(tenant_id)
        return bool(self._unfinished)

    async def turn(self, reader: Reader) -> int:
        """Fold what the log has next, at most a turn's worth; return how many records were taken."""
        portions = await self._next(reader)
        if not portions:
            return 0
        faults.point("fold.before_begin")
        self._feed_of(reader).look_ahead(self._claims, portions)
        records = (item.record for portion in portions for item in portion.items)
        with (
            telemetry.timed("turn_seconds", service=SERVICE),
            tracing.turn("fold turn", SERVICE, records) as trace_id,
            telemetry.bound(SERVICE, str(new_id()), trace_id),
        ):
            moved = await self._taken(portions)
        faults.point("fold.after_commit")
        self._claims.update(moved)
        return sum(portion.next_position - portion.position for portion in portions)

    async def _taken(self, portions: Sequence[Portion]) -> Mapping[Partition, Claim]:
        """Fold what can be folded and bury the rest; whatever happens, each event once."""
        try:
            return await self._commit(portions, PLAINLY)
        except AlreadyWritten:
            return await self._commit(portions, How(slowly=True))
        except (Retry, ClaimLost):
            raise
        except Exception as error:  # noqa: BLE001 - the reason lies in the data; find the one event
            _log.warning("fold.isolating", error=type(error).__name__)
            return await self._commit_one_by_one(portions)

    async def let_go(self) -> None:
        """Forget what was read ahead; the reader is not used any more."""
        if self._feed:
            await self._feed[1].drop()
            self._feed = None

    def _feed_of(self, reader: Reader) -> Feed:
        if self._feed is None or self._feed[0] is not reader:
            limits = self._limits
            feed = Feed(reader, events=limits.events, max_bytes=limits.bytes, wait_s=limits.wait_s)
            self._feed = (reader, feed)
        return self._feed[1]

    async def _next(self, reader: Reader) -> Sequence[Portion]:
        try:
            return await self._feed_of(reader).next(self._claims)
        except (PositionOutOfRange, Damaged) as error:
            await self._halt(self._claims[error.partition], str(error))
            raise
        except LogChanged as error:
            for claim in list(self._claims.values()):
                await self._halt(claim, str(error))
            raise

    async def _halt(self, claim: Claim, reason: str) -> None:
        """Stop a partition until an operator looks; the others go on."""
        self._tell_halted(claim.partition, reason)
        async with self._store.turn() as turn:
            await turn.lock_partitions([claim])
            await turn.halt(claim, reason)
        self._claims.pop(claim.partition, None)

    def _tell_halted(self, partition: Partition, reason: str) -> None:
        telemetry.count("partitions_halted_total", service=SERVICE)
        _log.error("fold.halted", partition=str(partition), reason=reason)

    async def _commit(self, portions: Sequence[Portion], how: How) -> Mapping[Partition, Claim]:
        events = events_of(portions)
        async with self._store.turn() as turn:
            await turn.lock_partitions([self._claims[portion.partition] for portion in portions])
            faults.point("fold.after_partitions")
            standing = await turn.lock_tenants(tenants_of(events))
            faults.point("fold.after_tenants")
            batch = Batch(events, unreadable_of(portions))
            ordered = await fold(turn, standing, self._cache, batch, how)
            moved = await turn.advance(self._advances(portions, died_of(ordered)))
            faults.point("fold.after_positions")
        _count(ordered, sum(portion.ignored for portion in portions))
        return moved

    def _advances(self, portions: Sequence[Portion], died: frozenset[UUID]) -> list[Advance]:
        advances = []
        for portion in portions:
            claim = self._claims[portion.partition]
            count = portion.dead_in_a_row(claim.dead_in_a_row, died)
            advances.append(portion.advance(claim, count))
        if any(a.dead_in_a_row > self._limits.dead_in_a_row for a in advances):
            raise TooManyDead
        return advances

    async def _commit_one_by_one(self, portions: Sequence[Portion]) -> Mapping[Partition, Claim]:
        """Fold every event under a savepoint of its own; bury exactly those that cannot be folded."""
        tenants = tenants_of(events_of(portions))
        async with self._store.turn() as turn:
            await turn.lock_partitions([self._claims[portion.partition] for portion in portions])
            await turn.lock_tenants(tenants)
            ends = [await self._fold_portion(turn, tenants, portion) for portion in portions]
            moved = dict(await turn.advance([advance for advance, _ in ends]))
            for advance, reason in ends:
                if reason:
                    await turn.halt(advance.claim, reason)
                    del moved[advance.claim.partition]
        for portion, (advance, reason) in zip(portions, ends, strict=True):
            telemetry.count(
                "fold_events_total", len(portion.items), service=SERVICE, outcome="one-by-one"
            )
            if reason:
                self._tell_halted(advance.claim.partition, reason)
                self._claims.pop(advance.claim.partition, None)
        return moved

    async def _fold_portion(
        self, turn: Turn, tenants: Mapping[UUID, bool], portion: Portion
    ) -> tuple[Advance, str | None]:
        """Fold one partition's events until the end, or until too many in a row have died."""
        claim, allowed = self._claims[portion.partition], self._limits.dead_in_a_row
        count, last = claim.dead_in_a_row, claim.last_event_id
        for item in portion.items:
            died = item if isinstance(item, Dead) else await fold_one(turn, tenants, item)
            if died and count >= allowed:
                reason = f"more than {allowed} dead events in a row"
                return Advance(claim, item.spot.position, last, count), reason
            if died:
                await bury_one(turn, tenants, died)
            count = count + 1 if died else 0
            last = event_id_of(item)
        return portion.advance(claim, count), None


def _count(ordered: Ordered, ignored: int) -> None:
    """Count what a committed turn came to."""
    found = {
        "applied": len(ordered.applied),
        "duplicate": ordered.duplicates,
        "parked": len(ordered.parked),
        "dead": len(ordered.dead),
        "ignored": ignored,
    }
    for outcome, n in found.items():
        telemetry.count("fold_events_total", n, service=SERVICE, outcome=outcome)
    for dead in ordered.dead:
        _log.error(
            "fold.dead_letter", event_id=str(dead.what.event_id), type=dead.what.type,
            reason=dead.reason,
        )  # fmt: skip


def spare_the_collector() -> None:
    """Let Python look for cycles seldom: a turn makes a hundred thousand objects and no cycle.

    Reference counts free them all when the turn ends; looking through them in between cost as much
    time as all of Python's other work (ADR 0014). For a process that folds and answers nobody.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


def _served(partition: Partition) -> tuple[int, int]:
    """Sort partitions in the order in which they are served: money first, views last."""
    return _ORDER[partition.topic], partition.number


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
