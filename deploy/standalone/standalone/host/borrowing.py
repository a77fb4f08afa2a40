"""Using the database of a data directory for a while, whether its host runs or not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onefunnel.persistence.local_server import LocalServer
from standalone.console.failure import USAGE, Failure
from standalone.host import lock, postgres
from standalone.host.processes import mark_of


@contextmanager
def borrowed_server(data: Path) -> Iterator[LocalServer]:
    """Yield the running server, or start it and keep everybody else out until it is stopped again."""
    if not (data / "postgres" / "PG_VERSION").exists():
        raise Failure(
            f"{data} holds no data",
            help="name the directory of  onefunnel up  with --data",
            code="no-data",
            exit_code=USAGE,
        )
    if lock.read_owner(data) is not None:
        yield postgres.server_of(data)
        return
    held = lock.acquire(data, mark_of(os.getpid()))
    try:
        server = postgres.start(data)
        try:
            yield server
        finally:
            postgres.stop(server)
    finally:
        held.release()
