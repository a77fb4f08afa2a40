"""Workers as processes of their own: started at once, killed, frozen; the numbers stay exact."""

import asyncio
import signal
import subprocess
from pathlib import Path
from random import Random

import asyncpg
import pytest

from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.verify import verify
from onefunnel.events import spec_of
from onefunnel.log import members
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import Outgoing
from onefunnel.log.postgres_log import PostgresLog, prepare
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import start_child
from onefunnel.testing.waiting import until

from ..oracle.oracle import Fact, Oracle
from .audit import AUDIT, nothing_rested_longer, one_chain_per_partition
from .list_log import COUNTS
from .stage import Stage, record_of
from .test_fold_any_order import twice
from .test_fold_members import done, shared_by
from .test_rebuild import drawn

MEMBER = Path(__file__).parent / "fold_member.py"
LEASE_S = 3.0


@pytest.fixture
def history() -> list[Fact]:
    return max(drawn(8), key=len)


class Crowd:
    """A metrics database, a log that is told of, and the workers of the moment."""

    def __init__(self, stage: Stage, urls: tuple[str, str], writer) -> None:
        self.stage = stage
        self.urls = urls
        self.writer = writer
        self.living: dict[str, subprocess.Popen[str]] = {}

    async def tell(self, facts: list[Fact]) -> None:
        for fact in facts:
            spec = spec_of(fact.event)
            key = getattr(fact.event, spec.key)
            place = partition_of(key, COUNTS[spec.topic])
            record = record_of(fact.event, fact.event_id, fact.sequence)
            await self.writer.append([Outgoing(spec.topic, place, key, record)])

    def start(self, *names: str, lease_s: float = LEASE_S, fault=None, owner_url: str = "") -> None:
        """Start workers, and let them begin when all are ready."""
        more = [owner_url] if owner_url else []
        for name in names:
            self.living[name] = start_child(
                MEMBER, name, *self.urls, str(lease_s), *more, fault=fault
            )
        for name in names:
            assert self.living[name].stdout.readline() == "ready\n"
        for name in names:
            self.living[name].stdin.write("go\n")
            self.living[name].stdin.flush()

    def kill(self, name: str) -> None:
        child = self.living.pop(name)
        child.kill()
        child.communicate()

    def stop(self, name: str) -> str:
        """Stop a worker in order and return what it said."""
        child = self.living.pop(name)
        said, _ = child.communicate("", timeout=60)
        assert child.returncode == 0
        return said

    def end(self) -> None:
        for name in list(self.living):
            self.living[name].send_signal(signal.SIGCONT)
            self.kill(name)


@pytest.fixture
async def crowd(postgres_server, request):
    metrics = postgres_server.fresh(getattr(request, "param", "metrics_service"))
    log = postgres_server.fresh()
    await prepare(log.owner_url)
    log_database = Database(log.worker_url, pool_size=2, name="test")
    metrics_database = Database(metrics.worker_url, pool_size=2, name="test")
    driver = await asyncpg.connect(metrics.owner_url)
    writer = await PostgresLog(log_database).open_writer("test", 1)
    crowd = Crowd(Stage(metrics_database, driver), (metrics.worker_url, log.worker_url), writer)
    yield crowd
    crowd.end()
    await writer.close()
    await driver.close()
    await metrics_database.close()
    await log_database.close()
    postgres_server.drop([metrics, log])


async def exact(stage: Stage, history: list[Fact]) -> None:
    assert await stage.driver.fetchval("SELECT count(*) FROM journal") == len(history)
    assert (await verify(PostgresVerifyStore(stage.database))).right
    oracle = Oracle(history)
    assert await stage.counters() == oracle.counters()
    assert await stage.owed() == oracle.owed()
    assert await stage.driver.fetchval("SELECT count(*) FROM dead_event") == 0


async def renewed(stage: Stage) -> None:
    """Wait until every lease of this moment has been renewed."""
    query = "SELECT min(lease_until) > $1 FROM stream_partition"
    newest = await stage.driver.fetchval("SELECT max(lease_until) FROM stream_partition")
    await until(lambda: stage.driver.fetchval(query, newest))


async def test_from_one_to_eight_to_one_nothing_rests_and_nothing_is_folded_twice(
    crowd: Crowd, history: list[Fact]
) -> None:
    stage, r, told = crowd.stage, Random(14), twice(history, Random(1))
    await stage.driver.execute(AUDIT)
    quarter = len(told) // 4
    await crowd.tell(told[:quarter])
    crowd.start("worker-0")
    await until(lambda: shared_by(stage, *crowd.living))

    crowd.start(*(f"worker-{n}" for n in range(1, 8)))
    await crowd.tell(told[quarter : 2 * quarter])
    await until(lambda: shared_by(stage, *crowd.living))
    moves = await stage.driver.fetchval("SELECT sum(epoch) FROM stream_partition")
    await renewed(stage)
    assert await stage.driver.fetchval("SELECT sum(epoch) FROM stream_partition") == moves

    for name in r.sample(sorted(crowd.living), 2):
        crowd.kill(name)
    crowd.stop(r.choice(sorted(crowd.living)))
    await crowd.tell(told[2 * quarter : 3 * quarter])
    await until(lambda: shared_by(stage, *crowd.living))

    for name in r.sample(sorted(crowd.living), 4):
        crowd.kill(name)
    await crowd.tell(told[3 * quarter :])
    await until(lambda: shared_by(stage, *crowd.living))
    await until(lambda: done(stage, history))

    await exact(stage, history)
    await one_chain_per_partition(stage.driver)
    await nothing_rested_longer(stage.driver, 2 * LEASE_S)


@pytest.mark.parametrize("point", ["fold.before_begin", "fold.after_positions"])
async def test_a_worker_frozen_beyond_its_lease_is_replaced_and_its_turn_rejected(
    crowd: Crowd, history: list[Fact], point: str
) -> None:
    """With the settings of a real worker: a transaction that stands still ends before the lease."""
    stage, told = crowd.stage, twice(history, Random(1))
    await stage.driver.execute(AUDIT)
    await crowd.tell(told)
    crowd.start("frozen", lease_s=members.LEASE_S, fault=f"{point}:3:STOP")
    query = "SELECT count(*) > 0 FROM moved WHERE next > next_before"
    await until(lambda: stage.driver.fetchval(query))
    crowd.start("heir", lease_s=members.LEASE_S)
    await until(lambda: shared_by(stage, "heir"))
    await until(lambda: done(stage, history))

    crowd.living["frozen"].send_signal(signal.SIGCONT)

    await until(lambda: shared_by(stage, "heir", "frozen"))
    said = crowd.stop("frozen")
    assert "fold.interrupted" in said
    assert point != "fold.before_begin" or "ClaimLost" in said
    await exact(stage, history)
    await one_chain_per_partition(stage.driver)
    await nothing_rested_longer(stage.driver, 2 * members.LEASE_S)


@pytest.mark.parametrize("crowd", [None], indirect=True)
async def test_four_workers_may_start_at_once_on_an_empty_database(
    crowd: Crowd, history: list[Fact]
) -> None:
    stage = crowd.stage
    await crowd.tell(history)
    owner_url = crowd.urls[0].replace("onefunnel_worker", "postgres")
    names = ["one", "two", "three", "four"]

    await asyncio.to_thread(crowd.start, *names, owner_url=owner_url)

    await until(lambda: stage.driver.fetchval("SELECT to_regclass('stream_member') IS NOT NULL"))
    await until(lambda: shared_by(stage, *names))
    await until(lambda: done(stage, history))
    for name in names:
        assert "fold.interrupted" not in crowd.stop(name)
    await exact(stage, history)
