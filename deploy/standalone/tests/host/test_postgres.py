"""The database of a host is started again, whatever a killed one has left."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from onefunnel.persistence.local_server import LocalServer
from onefunnel.testing.waiting import until
from standalone.host import postgres

LONG = "SELECT count(*) FROM generate_series(1, 30000000) n WHERE (n * 7) % 13 = 5"


@pytest.fixture
def data() -> Iterator[Path]:
    """Return a directory that the database's own user may enter."""
    with tempfile.TemporaryDirectory(prefix="onefunnel-database-") as made:
        Path(made).chmod(0o755)
        yield Path(made)
        postgres.server_of(Path(made)).stop(mode="immediate")


async def busy(server: LocalServer) -> bool:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = $1", LONG
            )
        )
    finally:
        await connection.close()


async def test_a_database_killed_while_it_computed_is_started_again(data: Path) -> None:
    server = postgres.start(data)
    connection = await asyncpg.connect(server.url("postgres"))
    computing = asyncio.create_task(connection.fetchval(LONG))
    await until(lambda: busy(server))
    killed = server.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    await asyncio.to_thread(postgres.start, data)

    assert server.pid() not in {None, killed}
    await asyncio.gather(computing, return_exceptions=True)  # it may even have had its answer
    connection.terminate()
