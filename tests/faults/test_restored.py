"""The numbers put back to an older backup: what has happened since is folded again, from the log."""

import asyncpg
import pytest

from onefunnel.persistence.urls import url_of
from onefunnel.testing.postgres import FreshDatabase, TestServer

from .figures import note
from .stage import BOTH_LOGS


async def _copy(server: TestServer, source: str, target: str) -> None:
    """Replace a database by a copy of another; nobody may be connected to either."""
    connection = await asyncpg.connect(url_of(server.url, "postgres"))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {target}")
        await connection.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY file_copy")
    finally:
        await connection.close()


@pytest.fixture
def backup(postgres_server):
    """Return a function that names a backup of a database; it is dropped at the end."""
    made: list[str] = []

    def of(database: FreshDatabase) -> str:
        made.append(f"{database.name}_backup")
        return made[-1]

    yield of
    postgres_server.drop([FreshDatabase(name, "", "", "") for name in made])


@pytest.mark.timeout(600)
@BOTH_LOGS
async def test_numbers_restored_from_an_older_backup_come_to_the_same_again(
    new_stage, postgres_server, backup
) -> None:
    stage = await new_stage(seed=9, events=100)
    metrics, kept = stage.world.metrics, backup(stage.world.metrics)
    workers = [stage.start(role) for role in ("relay", "fold")]
    assert not await stage.ended(stage.start("first"))
    await stage.settled()
    await stage.stop(*workers)
    await _copy(postgres_server, metrics.name, kept)
    await stage.at_rest({role: stage.start(role) for role in ("second", "relay", "fold")})

    await _copy(postgres_server, kept, metrics.name)

    await stage.leases_run_out()
    await stage.come_to_rest({"fold": stage.start("fold")})
    note(episodes=1)
