"""kill -9 at every point of the fold and of a rebuild: real processes, and nothing lost or counted twice."""

from pathlib import Path
from random import Random
from typing import get_args

import asyncpg
import pytest

from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.verify import verify
from onefunnel.events import spec_of
from onefunnel.faults import FaultName
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import Outgoing
from onefunnel.log.postgres_log import PostgresLog, prepare
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import start_child, was_killed

from ..oracle.oracle import Fact, Oracle
from .list_log import COUNTS
from .stage import Stage, record_of
from .test_fold_any_order import twice
from .test_rebuild import drawn, schemas

CHILD = Path(__file__).parent / "fold_child.py"
POINTS = [name for name in get_args(FaultName) if name.startswith("fold.")]
REBUILD_POINTS = [name for name in get_args(FaultName) if name.startswith("rebuild.")]


@pytest.fixture
def history() -> list[Fact]:
    return max(drawn(8), key=len)


@pytest.fixture
async def scene(postgres_server, history):
    """A metrics database and a real log that holds the history twice."""
    metrics, log = postgres_server.fresh("metrics_service"), postgres_server.fresh()
    await prepare(log.owner_url)
    database = Database(log.worker_url, pool_size=2, name="test")
    writer = await PostgresLog(database).open_writer("test", 1)
    for fact in twice(history, Random(1)):
        spec = spec_of(fact.event)
        key = getattr(fact.event, spec.key)
        record = record_of(fact.event, fact.event_id, fact.sequence)
        place = partition_of(key, COUNTS[spec.topic])
        await writer.append([Outgoing(spec.topic, place, key, record)])
    await writer.close()
    await database.close()
    metrics_database = Database(metrics.worker_url, pool_size=2, name="test")
    driver = await asyncpg.connect(metrics.owner_url)
    yield Stage(metrics_database, driver), (metrics.worker_url, log.worker_url)
    await driver.close()
    await metrics_database.close()


def run(what: str, urls: tuple[str, str], fault: str | None = None) -> bool:
    """Run a child to its end; say whether it was killed."""
    with start_child(CHILD, what, *urls, fault=fault) as child:
        killed = was_killed(child)
    assert killed or child.returncode == 0
    return killed


async def exact(stage: Stage, history: list[Fact], schema: str = "g1") -> None:
    assert await stage.driver.fetchval("SELECT count(*) FROM journal") == len(history)
    assert (await verify(PostgresVerifyStore(stage.database))).right
    oracle = Oracle(history)
    assert await stage.counters(schema) == oracle.counters()
    assert await stage.owed() == oracle.owed()
    assert await stage.driver.fetchval("SELECT count(*) FROM dead_event") == 0


@pytest.mark.parametrize("time", [1, 3])
@pytest.mark.parametrize("point", POINTS)
async def test_a_fold_killed_at_any_point_is_exact_after_the_next_start(
    scene, history: list[Fact], point: str, time: int
) -> None:
    stage, urls = scene
    assert run("fold", urls, fault=f"{point}:{time}")

    assert not run("fold", urls)

    await exact(stage, history)


@pytest.mark.parametrize("point", REBUILD_POINTS)
async def test_a_rebuild_killed_at_any_point_leaves_one_whole_generation(
    scene, history: list[Fact], point: str
) -> None:
    stage, urls = scene
    assert not run("fold", urls)

    assert run("rebuild", urls, fault=point)

    live = await stage.driver.fetchval("SELECT live FROM projection_generation")
    assert live == (2 if point == "rebuild.after_flip" else 1)
    await exact(stage, history, f"g{live}")
    assert not run("fold", urls)  # its start drops what is left over
    assert set(await schemas(stage)) == {"g1", f"g{live}"}
    assert not run("rebuild", urls)
    await exact(stage, history, f"g{live + 1}")
