"""The databases of a process: one pool per database and role, opened when first used.

The sizes are written down here because they must fit the server together: the embedded server takes
100 connections, three of them kept for the superuser.
"""

from collections.abc import Callable, Mapping
from typing import Final

from onefunnel import telemetry
from onefunnel.persistence.database import Database
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

# Requests, in the web process.
APP_POOL: Final[Mapping[str, int]] = {
    "lead": 14, "metrics": 12, "scoring": 3, "content": 3, "gateway": 6, "eventlog": 1,
}  # fmt: skip
# Reactions, folds and status, beside the connections that relays, folds and readers hold by themselves.
WORKER_POOL: Final[Mapping[str, int]] = {
    "lead": 3, "metrics": 4, "scoring": 3, "content": 2, "gateway": 3, "eventlog": 2,
}  # fmt: skip
DEDICATED: Final = 24  # relays 5 x 2, reactions 4 x 2, fold 4, rebuild 1, the log's own 1
SPARE: Final = 8  # migrations, backup, an operator's psql
SERVER_LIMIT: Final = 97


class Databases:
    """One pool per name and role, cached."""

    def __init__(self, url_for: Callable[[str, str], str]) -> None:
        self._url_for = url_for
        self._open: dict[tuple[str, str], Database] = {}

    def app(self, name: str) -> Database:
        """Return the pool for requests."""
        return self._get(name, APP_ROLE, APP_POOL[name])

    def worker(self, name: str) -> Database:
        """Return the pool for relays, folds and reactions."""
        return self._get(name, WORKER_ROLE, WORKER_POOL[name])

    async def close(self) -> None:
        """Close all pools."""
        for database in self._open.values():
            await database.close()

    def _get(self, name: str, role: str, size: int) -> Database:
        key = (name, role)
        if key not in self._open:
            kind = "app" if role == APP_ROLE else "worker"
            database = self._open[key] = Database(
                self._url_for(name, role), pool_size=size, name=f"onefunnel-{name}-{kind}"
            )
            labels = {"database": name, "role": kind}
            telemetry.gauge("database_connections_limit", size, **labels)
            telemetry.gauge_of("database_connections_in_use", database.in_use, **labels)
        return self._open[key]
