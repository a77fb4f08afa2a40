"""How one service stands, found out by its worker whenever somebody asks for metrics or readiness.

Nothing is remembered between two looks: a consumer that has stopped is seen by its positions, not by
what it last said of itself.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

import asyncpg
import msgspec

from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.log.port import EventLog, LogError, Partition
from onefunnel.metrics import GaugeName
from onefunnel.outbox.standing import outbox_standing
from onefunnel.persistence.database import Database, driver_of

Watch = Callable[[], Awaitable[Sequence[str]]]

LOOK_TIMEOUT_S: Final = 5.0
_UNKNOWN: Final = float("nan")
_OF_A_SERVICE: Final = frozenset(
    name for name in get_args(GaugeName) if not name.startswith(("database_", "webhook_", "crm_"))
)
_PARTITIONS: Final = """
SELECT topic, partition, next_position, end_position, status, owner IS NOT NULL AND lease_until > now()
FROM stream_partition WHERE group_id = $1"""
_SAMPLE_BYTES: Final = 1 << 20


class _Made(msgspec.Struct):
    recordedtime: datetime


_made: Final = msgspec.json.Decoder(_Made).decode


@dataclass(frozen=True, slots=True)
class Consumer:
    """What is to be known of a service that consumes: its group, and how its open dead letters are counted."""

    group: str
    count_dead: str
    log: EventLog


class Watcher:
    """Looks at one service's outbox and consumer under the worker role and sets their gauges."""

    def __init__(
        self, service: str, database: Database, clock: Clock, consumer: Consumer | None = None
    ) -> None:
        self._service = service
        self._database = database
        self._clock = clock
        self._consumer = consumer

    async def __call__(self) -> list[str]:
        """Set the gauges and return what is amiss, in words. Raises while the database is away.

        What could not be found out becomes `NaN`: an old value would look like a present one.
        """
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                return await self._look()
        except Exception:
            for name in _OF_A_SERVICE:
                self._set(name, _UNKNOWN)
            raise

    async def _look(self) -> list[str]:
        outbox = await outbox_standing(self._database, self._clock.now())
        self._set("outbox_events", outbox["depth"])
        self._set("outbox_oldest_age_seconds", outbox["oldest_age_s"])
        if self._consumer is None:
            return []
        async with self._database.transaction() as conn:
            driver = driver_of(conn)
            rows = await driver.fetch(_PARTITIONS, self._consumer.group)
            dead = await driver.fetchval(self._consumer.count_dead)
        halted = sum(row[4] == "halted" for row in rows)
        self._set("dead_letters_open", dead)
        self._set("halted_partitions", halted)
        self._set("partitions_owned", sum(row[5] for row in rows))
        concerns = [f"{halted} partitions are halted"] if halted else []
        return concerns + await self._behind(self._consumer.log, rows)

    async def _behind(self, log: EventLog, rows: Sequence[asyncpg.Record]) -> list[str]:
        """Compare positions with the log's own ends; say so where the log does not answer."""
        found = {Partition(row[0], row[1]): (row[2], row[3]) for row in rows}
        try:
            ends = await log.end_positions(found)
            starts = await log.start_positions(found)
        except LogError:
            self._set("consumer_lag_events", _UNKNOWN)
            self._set("oldest_unfolded_event_age_seconds", _UNKNOWN)
            return ["the event log does not answer"]
        # A position before the log's start is no lag: those records are gone, and the consumer halts.
        nexts = {p: max(position, starts[p]) for p, (position, _) in found.items()}
        behind = {p: at for p, at in nexts.items() if ends[p] > at}
        self._set("consumer_lag_events", sum(ends[p] - at for p, at in behind.items()))
        self._set("oldest_unfolded_event_age_seconds", await self._oldest_age_s(log, behind))
        return []

    async def _oldest_age_s(self, log: EventLog, behind: dict[Partition, int]) -> float:
        """Return the age of the oldest event at the positions given, from the events themselves."""
        if not behind:
            return 0.0
        reader = log.reader()
        try:
            slices = await reader.fetch(
                behind, max_records=len(behind), max_bytes=_SAMPLE_BYTES, wait_s=0, max_each=1
            )
        except LogError:
            return _UNKNOWN
        finally:
            await reader.close()
        times = []
        for slice_ in slices.values():
            with contextlib.suppress(
                msgspec.DecodeError
            ):  # a dead letter to be has no time to show
                times.append(_made(slice_.values[0]).recordedtime)
        now = self._clock.now()
        return max((max(0.0, (now - time).total_seconds()) for time in times), default=_UNKNOWN)

    def _set(self, name: GaugeName, value: float) -> None:
        telemetry.gauge(name, value, service=self._service)
