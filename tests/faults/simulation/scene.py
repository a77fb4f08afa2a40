"""One simulated run: writers, relays and folds over real databases, from the first event to rest."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, groupby
from random import Random
from typing import Any, Final, Self

import asyncpg

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.fold_turn import GROUP
from metrics_service.adapters.generation_schema import TABLES
from metrics_service.application.fold import Fold, Limits
from metrics_service.application.fold_ports import Turn
from onefunnel.log import ownership
from onefunnel.log.port import Partition, TopicSpec
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.writer import append_only, save
from onefunnel.persistence.database import DRIVER_ERRORS, Database, driver_of
from onefunnel.wakeups import Wakeups

from ..checker import Eyes, check, eyes
from ..company import SHORT, Told, company
from ..world import SOURCE, THING, World
from .chances import Weather
from .connection import ACTOR, SCHEDULER, SPARE, SimDatabase, Spare
from .operation import Actor, Operation
from .scheduler import Scheduler, Stuck

EVENTS: Final = 22
STEPS: Final = 4_000  # then it is called stuck
WRITERS: Final = 2
CALLS: Final = 8  # to end
_METRICS_TABLES: Final = (
    "key_hold", "journal", "parked_event", "dead_event", "ledger_entry", "closed_deal",
    "closed_rules", "stream_member",
)  # fmt: skip


@dataclass
class Outcome:
    """What a run came to."""

    trace: list[str]
    reached: dict[str, int]
    error: BaseException | None = None


class Watch:
    """The simulation's own connections to the databases of a world, beside all actors."""

    def __init__(self, service: Any, log: Any, eyes: Eyes) -> None:
        self.service, self.log, self.metrics, self.eyes = service, log, eyes.metrics, eyes
        self.spare = Spare()

    @classmethod
    @asynccontextmanager
    async def opened(cls, world: World) -> AsyncIterator[Self]:
        """Connect as long as the block runs."""
        service = await asyncpg.connect(world.service.owner_url)
        heads = await asyncpg.connect(world.log.owner_url)
        log = PostgresLog(Database(world.log.worker_url, pool_size=1, name="checker"))
        async with eyes(world, log) as looking:
            watch = cls(service, heads, looking)
            await ownership.ensure_partitions(watch.metrics, GROUP, await log.topics())
            yield watch
        watch.spare.close()
        await log.close()
        await heads.close()
        await service.close()

    async def clear(self) -> None:
        """Empty all databases."""
        await self.service.execute("DELETE FROM thing; DELETE FROM outbox; DELETE FROM relay_lease")
        await self.log.execute(
            "DELETE FROM record_batch; DELETE FROM fence;"
            " UPDATE head SET next_position = 0, log_start = 0 WHERE next_position > 0"
        )
        await self.metrics.execute(
            "SET session_replication_role = replica;"  # the book refuses even its owner otherwise
            + "".join(f"DELETE FROM {table};" for table in _METRICS_TABLES)
            + "".join(f"DELETE FROM g1.{table};" for table in TABLES)
            + "SET session_replication_role = DEFAULT"
        )
        await self.metrics.execute(
            "UPDATE stream_partition SET next_position = 0, epoch = 0, owner = NULL, lease_until = NULL,"
            " last_event_id = NULL, status = 'running', end_position = 0 WHERE epoch > 0"
        )

    async def leases_run_out(self) -> None:
        """Do what the seconds of the leases would do; rows that are locked are being worked on."""
        late = "lease_until = now() - interval '1 s'"
        await self.service.execute(
            f"UPDATE relay_lease SET {late} WHERE name IN"
            " (SELECT name FROM relay_lease FOR UPDATE SKIP LOCKED)"
        )
        await self.metrics.execute(
            f"UPDATE stream_partition SET {late} WHERE (group_id, topic, partition) IN"
            " (SELECT group_id, topic, partition FROM stream_partition FOR UPDATE SKIP LOCKED)"
        )
        await self.metrics.execute(
            f"UPDATE stream_member SET {late} WHERE (group_id, name) IN"
            " (SELECT group_id, name FROM stream_member FOR UPDATE SKIP LOCKED)"
        )

    async def at_rest(self) -> bool:
        """Say whether everything that was written is in the numbers."""
        ends = await self.log.fetchval("SELECT sum(next_position) FROM head")
        return bool(
            await self.service.fetchval("SELECT count(*) = 0 FROM outbox")
            and await self.metrics.fetchval(
                "SELECT coalesce(sum(next_position), 0) = $1 AND NOT EXISTS (SELECT FROM g1.rederive)"
                " AND NOT EXISTS (SELECT FROM g1.pay_due) FROM stream_partition",
                ends,
            )
        )


class Scene:
    """One run of one seed in a cleared world."""

    def __init__(self, world: World, watch: Watch, seed: int) -> None:
        self._world = world
        self._watch = watch
        self._seed = seed
        self._told = company(seed, EVENTS, SHORT)
        self._chance = Random(f"scene {seed}")
        self._turn = self._chance.choice([2, 5, 1_000])
        self._scheduler = Scheduler(seed, watch.metrics)
        self._scheduler.after = self._look
        self._acknowledged: set[int] = set()
        self._positions: dict[Partition, tuple[int, int]] = {}
        self._actors: list[Actor] = []
        self._lives = count()

    async def play(self) -> Outcome:
        """Run to rest and check; an error is part of the outcome."""
        scheduler, error = self._scheduler, None
        SCHEDULER.set(scheduler)
        SPARE.set(self._watch.spare)
        weather = Weather(
            self._seed, scheduler, leases_run_out=self._leases_run_out, restart=self._begin
        )
        for name in ("writer 0", "writer 1", "relay 0", "fold 0", "fold 1"):
            self._begin(name)
        try:
            await self._until_rest(weather)
        except (AssertionError, asyncpg.PostgresError) as found:
            error = found
        await self._end(keep=error is None)
        if error is None:
            error = await self._checked()
        return Outcome(scheduler.trace, dict(scheduler.reached), error)

    async def _until_rest(self, weather: Weather) -> None:
        for _ in range(STEPS):
            moved = await self._scheduler.go_on(weather)
            for actor in self._actors:
                if actor.alive and actor.task and actor.task.done() and actor.task.exception():
                    raise AssertionError(f"{actor.name} ended") from actor.task.exception()
            if (
                not moved
                and len(self._acknowledged) == len(self._told)
                and await self._watch.at_rest()
            ):
                return
        raise Stuck(f"not at rest after {STEPS} steps")

    async def _checked(self) -> BaseException | None:
        try:
            await check(self._watch.eyes, self._told)
        except AssertionError as found:
            return found
        return None

    async def _end(self, *, keep: bool) -> None:
        busy = {operation.pid for operation in self._scheduler.end()}
        for connection in self._connections():
            if not keep or connection.is_in_transaction() or connection.get_server_pid() in busy:
                connection.terminate()
            else:
                self._watch.spare.keep(connection)
        # What was killed is still asleep somewhere: some of it swallows the first call to end.
        for _ in range(CALLS):
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await self._scheduler.quiet()

    def _connections(self) -> list[Any]:
        found = [connection for actor in self._actors for connection in actor.connections]
        return [one for one in found if one is not None and not one.is_closed()]

    # Actors.

    def _begin(self, name: str) -> None:
        kind, _, number = name.partition(" ")
        actor = Actor(name)
        self._actors.append(actor)
        work: dict[str, Callable[[int], Coroutine[Any, Any, None]]] = {
            "writer": self._write, "relay": self._relay, "fold": self._fold,
        }  # fmt: skip

        async def run() -> None:
            ACTOR.set(actor)
            await work[kind](int(number))

        actor.task = asyncio.create_task(run(), name=name)

    async def _leases_run_out(self) -> None:
        """Let leases run out, with somebody there who wants what becomes free."""
        await self._watch.leases_run_out()
        for name in sorted({"relay 1", "fold 2"} - {actor.name for actor in self._actors}):
            self._begin(name)

    async def _write(self, part: int) -> None:
        database = SimDatabase(self._world.service.app_url, pool_size=1, name="writer")
        mine = [one for one in self._told if one.aggregate.int % WRITERS == part]
        for batch in _batches(mine, self._chance):
            numbers = {one.number for one in batch}
            while not numbers <= self._acknowledged and not self._scheduler.over:
                telling = asyncio.create_task(_tell(database, batch))
                with suppress(asyncio.CancelledError, *DRIVER_ERRORS):
                    await telling
                    self._acknowledged |= numbers

    async def _relay(self, _number: int) -> None:
        database = SimDatabase(self._world.service.worker_url, pool_size=1, name="relay")
        log = PostgresLog(SimDatabase(self._world.log.worker_url, pool_size=1, name="log"))
        listener = Wakeups().listen()
        await Relay(database, log, SOURCE, listener).run(asyncio.Event())

    async def _fold(self, number: int) -> None:
        database = SimDatabase(self._world.metrics.worker_url, pool_size=1, name="fold")
        log = PostgresLog(SimDatabase(self._world.log.worker_url, pool_size=1, name="log"))
        # A name of its own for every life, and the same in every run of the seed: shares hang on it.
        store = SimFoldStore(database, f"fold {number}, life {next(self._lives)}")
        limits = Limits(events=self._turn, wait_s=0.1, look_after_s=2)
        await Fold(store, log, limits).run(asyncio.Event())

    # What must hold at every moment.

    async def _look(self, operation: Operation) -> None:
        if operation.commits and operation.actor.name.startswith("fold"):
            await self._positions_only_grow()
        if operation.appends and operation.result is not None:
            await self._no_late_writer(operation)
        if self._scheduler.reached["deadlock"]:
            raise AssertionError("I9 two actors blocked each other in a circle")

    async def _no_late_writer(self, append: Operation) -> None:
        """I2: of two relays that believe they own the outbox, the log takes appends of the later one."""
        if not append.result:
            self._scheduler.reached["zombie relay fenced"] += 1
            return
        fence = await self._watch.log.fetchval("SELECT epoch FROM fence WHERE source = $1", SOURCE)
        assert append.arguments[1] == fence, "I2 a second writer"

    async def _positions_only_grow(self) -> None:
        """I5: no position goes back, no epoch is lowered."""
        for row in await self._watch.metrics.fetch(
            "SELECT topic, partition, next_position, epoch FROM stream_partition WHERE next_position > 0"
        ):
            place, now = Partition(row[0], row[1]), (row[2], row[3])
            before = self._positions.get(place, (0, 0))
            assert now[0] >= before[0], f"I5 {place} went back"
            assert now[1] >= before[1], f"I5 {place} has a lower epoch"
            self._positions[place] = now


class SimFoldStore(PostgresFoldStore):
    """Says when a fold that thought itself the owner was stopped."""

    async def prepare(self, topics: Sequence[TopicSpec]) -> None:
        """Do nothing: the rows are there, and forty statements that only look are left out."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        try:
            async with super().turn() as turn:
                yield turn
        except ownership.ClaimLost:
            SCHEDULER.get().reached["zombie fold fenced"] += 1
            raise


async def _tell(database: SimDatabase, batch: list[Told]) -> None:
    """Save some events of one tenant in one transaction, unless an attempt before was in after all."""
    async with database.tenant(batch[0].tenant) as conn:
        driver = driver_of(conn)
        for told in batch:
            if not told.ordered:
                await append_only(conn, [told.record])
                continue
            seen = await driver.fetchval(
                "SELECT version FROM thing WHERE id = $1 FOR UPDATE", told.aggregate
            )
            number = told.fact.sequence
            if (seen or 0) < number:
                assert (seen or 0) == number - 1, "what was acknowledged is gone"
                row = {
                    "tenant_id": told.tenant, "id": told.aggregate,
                    "version": number, "event_seq": number,
                }  # fmt: skip
                await save(conn, THING, row, seen=seen, records=[told.record])


def _batches(told: list[Told], chance: Random) -> list[list[Told]]:
    found: list[list[Told]] = []
    for _, run in groupby(told, key=lambda one: one.tenant):
        rest = list(run)
        while rest:
            n = chance.choice([1, 1, 2, 4])
            found.append(rest[:n])
            rest = rest[n:]
    return found
