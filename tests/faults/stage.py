"""A world on a stage: its processes are started, struck and ended here, and its state is asked for."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final
from uuid import uuid5

import asyncpg
import pytest

from onefunnel.events.topics import TOPICS
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import EventLog
from onefunnel.testing.waiting import until

from . import actors, checker
from .actors import Fault
from .company import Told, company
from .notes import acknowledged
from .world import World, open_log

REST_S: Final = 60.0
ROLES: Final = ("first", "second", "relay", "fold")
BOTH_LOGS: Final = pytest.mark.parametrize("on", ["postgres", "kafka"], indirect=True)
_NO_SESSION: Final = """
    SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name = '{}')"""
COUNTS: Final = {topic.name: topic.partitions for topic in TOPICS}


class Stage:
    """One world and its processes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deaths = 0
        self._processes: list[BaseProcess] = []

    @cached_property
    def told(self) -> list[Told]:
        """Return everything that the producers of this world tell."""
        return company(self.world.seed, self.world.events)

    def start(
        self, role: str, fault: Fault | None = None, world: World | None = None
    ) -> BaseProcess:
        """Start a process; `world` is how it sees the world, such as through a proxy."""
        self._processes.append(actors.start(role, world or self.world, fault))
        return self._processes[-1]

    async def ended(self, process: BaseProcess) -> bool:
        """Wait for the end of a process; say whether it was killed. Any other early end is a failure."""
        await until(lambda: not process.is_alive(), limit_s=REST_S)
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}, f"it ended with {process.exitcode}"
        self.deaths += process.exitcode != 0
        return process.exitcode != 0

    async def stop(self, *processes: BaseProcess) -> None:
        """Ask processes to finish, and see that they do."""
        for process in processes:
            process.terminate()
        for process in processes:
            assert not await self.ended(process)

    async def frozen(self, process: BaseProcess) -> None:
        """Wait until a process has stopped itself."""
        assert process.pid
        state = Path(f"/proc/{process.pid}/stat")
        await until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    def wake(self, process: BaseProcess) -> None:
        """Let a frozen process go on."""
        assert process.pid
        os.kill(process.pid, signal.SIGCONT)

    async def leases_run_out(self) -> None:
        """Do what the seconds of the leases would do."""
        for url, table in (
            (self.world.service.owner_url, "relay_lease"),
            (self.world.metrics.owner_url, "stream_member"),
            (self.world.metrics.owner_url, "stream_partition"),
        ):
            connection = await asyncpg.connect(url)
            try:
                await connection.execute(f"UPDATE {table} SET lease_until = now() - interval '1 s'")
            finally:
                await connection.close()

    async def all_told(self) -> None:
        """Wait until clients have been told of everything that it is in."""
        await until(lambda: len(acknowledged(self.world.notes)) == len(self.told), limit_s=REST_S)

    async def some_more_told(self, n: int) -> None:
        """Wait until clients were told of some more, or of everything."""
        enough = min(len(acknowledged(self.world.notes)) + n, len(self.told))
        await until(lambda: len(acknowledged(self.world.notes)) >= enough, limit_s=REST_S)

    async def some_more_published(self, n: int) -> None:
        """Wait until the log has taken some more, or everything that is told."""
        async with self.log() as log:
            enough = min(await self._published(log) + n, len(self.told))

            async def published() -> bool:
                return await self._published(log) >= enough

            await until(published, limit_s=REST_S)

    async def _published(self, log: EventLog) -> int:
        return sum((await log.end_positions(checker.PARTITIONS)).values())

    async def settled(self) -> None:
        """Wait until the outbox is empty and everything is folded and derived."""
        await until(self.relayed, limit_s=REST_S)
        await until(self._folded, limit_s=REST_S)

    async def relayed(self) -> bool:
        """Say whether the outbox is empty."""
        return bool(await self._ask("service", "SELECT count(*) = 0 FROM outbox"))

    async def forgotten(self, name: str) -> None:
        """Wait until the database has noticed the end of every session of a killed process, with its locks."""

        async def gone() -> bool:
            return bool(await self._ask("metrics", _NO_SESSION.format(name)))

        await until(gone, limit_s=REST_S)

    async def relay_epoch(self) -> int:
        """Return how often a relay has begun anew."""
        epoch = await self._ask("service", "SELECT epoch FROM relay_lease")
        assert isinstance(epoch, int)
        return epoch

    async def relay_has_given_up(self, epoch: int) -> bool:
        """Say whether the relay of an epoch has begun anew since."""
        return await self.relay_epoch() > epoch

    async def _folded(self) -> bool:
        async with self.log() as log:
            ends = await self._published(log)
        return bool(
            await self._ask(
                "metrics",
                f"SELECT coalesce(sum(next_position), 0) = {ends} FROM stream_partition",
            )
        ) and bool(await self._derived())

    async def _derived(self) -> bool:
        live = await self._ask("metrics", "SELECT live FROM projection_generation")
        return bool(
            await self._ask(
                "metrics",
                f"SELECT NOT EXISTS (SELECT FROM g{live}.rederive)"
                f" AND NOT EXISTS (SELECT FROM g{live}.pay_due)",
            )
        )

    async def _ask(self, what: str, query: str) -> object:
        try:
            connection = await asyncpg.connect(self.world.databases[what].owner_url)
        except (OSError, asyncpg.PostgresError):
            return False  # it is being started again
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    def another_under_the_number_of(self, told: Told) -> tuple[object, ...]:
        """Return an outbox row of another event with the same number in the same aggregate."""
        record, other = told.record, str(uuid5(told.record.event_id, "another"))
        value = record.value.replace(str(record.event_id).encode(), other.encode(), 1)
        place = partition_of(record.key, COUNTS[record.topic])
        return (told.tenant, record.key, record.topic, place, value)

    @asynccontextmanager
    async def log(self) -> AsyncIterator[EventLog]:
        """Open the log of the world, from outside."""
        log = open_log(self.world)
        try:
            yield log
        finally:
            await log.close()

    async def come_to_rest(self, running: Mapping[str, BaseProcess]) -> None:
        """Let the processes that saw it all finish by themselves, none started again, and check."""
        await self.at_rest(running)
        await self.check()

    async def at_rest(self, running: Mapping[str, BaseProcess]) -> None:
        """Let processes finish, and see that everything is published and folded."""
        for role in {"first", "second"} & running.keys():
            assert not await self.ended(running[role])
        await self.all_told()
        await self.settled()
        await self.stop(*(running[role] for role in running.keys() - {"first", "second"}))

    async def finish(self) -> None:
        """Let healthy processes bring everything to rest, end them, and check."""
        await self.come_to_rest({role: self.start(role) for role in ROLES})

    async def check(self, *, garbage: Collection[bytes] = frozenset()) -> None:
        """Compare everything with the oracle."""
        async with self.log() as log, checker.eyes(self.world, log) as eyes:
            await checker.check(eyes, self.told, garbage=garbage)

    async def clear(self) -> None:
        """End everything, whatever happened."""
        for process in self._processes:
            if process.is_alive():
                process.kill()
        for process in self._processes:
            await asyncio.to_thread(process.join)
