"""PostgreSQL itself: all of it killed at once, all of its connections ended, its disk full."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import asyncpg
import pytest

from onefunnel.persistence.local_server import LocalServer
from onefunnel.testing.postgres import TestServer

from .figures import note, seeded
from .sizes import Sizes
from .stage import BOTH_LOGS, ROLES, Stage
from .world import make_world

EACH = 2  # kills in one world


@pytest.mark.timeout(3_600)
@BOTH_LOGS
async def test_a_database_that_is_killed_loses_nothing(
    new_stage, postgres_server, size: Sizes
) -> None:
    worlds = -(-size.database_kills // EACH // 2)  # as many on the other log
    for seed in range(size.first_seed, size.first_seed + worlds):
        with seeded(seed):
            stage, chance = await new_stage(seed=seed, events=100), Random(seed)
            running = {role: stage.start(role) for role in ROLES}
            for _ in range(EACH):
                await stage.some_more_told(chance.randrange(1, 25))
                await asyncio.to_thread(postgres_server.kill)
            await stage.come_to_rest(running)
            note(database_kills=EACH)
            await stage.clear()


@pytest.mark.timeout(600)
async def test_connections_that_the_server_ends_cost_time_and_nothing_else(new_stage) -> None:
    stage = await new_stage(seed=4, events=80)
    running = {role: stage.start(role) for role in ROLES}
    names = [database.name for database in stage.world.databases.values()]
    owner = await asyncpg.connect(stage.world.metrics.owner_url)
    for _ in range(6):
        await stage.some_more_told(10)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = ANY($1) AND pid <> pg_backend_pid()",
            names,
        )
    await owner.close()
    await stage.come_to_rest(running)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("FULL DISK NOT TESTED: mounting a tmpfs is not permitted here")
    for parent in (place, *place.parents[:4]):
        parent.chmod(0o755)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.timeout(1_800)
async def test_a_full_disk_stops_everything_and_loses_nothing(
    small_disk: Path, tmp_path: Path, size: Sizes
) -> None:
    server = TestServer(LocalServer(small_disk / "postgres"))
    server.server.initialise(sync=False)
    server.restart()
    try:
        for seed in range(size.first_seed, size.first_seed + size.episodes):
            with seeded(seed):
                notes = tmp_path / f"{seed}.notes"
                stage = Stage(await make_world(server, notes, seed, 80))
                try:
                    await _fill_and_free(stage, server, small_disk / "filler")
                finally:
                    await stage.clear()
                server.drop(list(stage.world.databases.values()))
                note(episodes=1)
    finally:
        server.server.stop(mode="immediate")


async def _fill_and_free(stage: Stage, server: TestServer, filler: Path) -> None:
    running = {role: stage.start(role) for role in ROLES}
    await stage.some_more_told(15)
    _fill(filler)
    connection = await asyncpg.connect(stage.world.log.owner_url)
    with pytest.raises(asyncpg.PostgresError):  # it is full indeed
        await connection.execute(
            "CREATE TABLE big AS SELECT repeat('x', 9000) FROM generate_series(1, 9999)"
        )
    connection.terminate()
    await asyncio.to_thread(_free, filler, server)
    await stage.come_to_rest(running)


def _free(filler: Path, server: TestServer) -> None:
    filler.unlink()
    server.restart()  # where it gave up over its own log


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            return
