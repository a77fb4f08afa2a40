"""PostgreSQL of our own: settings for a laptop, durable by default, and its failures in words."""

from pathlib import Path
from typing import Final

from onefunnel.persistence.local_server import MAJOR, LocalServer, WrongMajor
from standalone.console.failure import REFUSED, Failure
from standalone.host.waiting import wait_until

SETTINGS: Final = (
    "max_connections=100",  # the pools of all services are written down to fit
    "shared_buffers=32MB",
    "work_mem=8MB",
    "maintenance_work_mem=48MB",
    "effective_cache_size=512MB",
    "fsync=on",  # a commit is a promise, on a laptop too
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_level=minimal",  # one machine: nobody replicates from it
    "max_wal_senders=0",
    "wal_compression=on",
    "min_wal_size=80MB",
    "max_wal_size=512MB",
    "checkpoint_timeout=15min",
    "random_page_cost=1.1",
    "jit=off",
    "io_method=sync",  # no I/O worker processes
    "max_worker_processes=2",
    "max_parallel_workers_per_gather=0",
    "max_parallel_maintenance_workers=0",
    "autovacuum_max_workers=1",
    "autovacuum_worker_slots=1",
    "max_logical_replication_workers=0",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",
    "log_min_messages=warning",
)
# A session that once had a large batch keeps as much memory for the next one, two megabytes each, unless
# the C library is told what to keep. It is glibc's word; other systems do not know it.
ENVIRONMENT: Final = {"MALLOC_TRIM_THRESHOLD_": str(128 * 1024)}
_READY_WITHIN_S: Final = 60.0
# A server that was killed may leave processes that only look up when their statement is done.
_LEFT_OVER: Final = "pre-existing shared memory block"


def server_of(data: Path) -> LocalServer:
    """Return the server of a data directory, started or not."""
    return LocalServer((data / "postgres").resolve())


def start(data: Path) -> LocalServer:
    """Start PostgreSQL on a data directory, or use the one that a killed host left running."""
    server = server_of(data)
    try:
        server.initialise()
        _start_until_it_answers(server)
    except WrongMajor as wrong:
        raise _wrong_major(data, wrong) from None
    except (RuntimeError, OSError) as error:
        raise Failure(
            "cannot start the database",
            because=tuple(str(error).splitlines()[-3:]),
            help=f"its log is {server.directory}/server.log; is the disk full or read-only?",
            code="database-start",
        ) from None
    return server


def stop(server: LocalServer, *, at_once: bool = False) -> None:
    """Stop PostgreSQL in order; at once leaves the rest to the recovery of the next start."""
    server.stop(mode="immediate" if at_once else "fast")


def _start_until_it_answers(server: LocalServer) -> None:
    def answers() -> bool:
        try:
            server.start(SETTINGS, ENVIRONMENT)  # one that was just stopping has to be started anew
        except RuntimeError as error:
            if _LEFT_OVER not in str(error):
                raise
            return False
        return _answers(server)

    if not wait_until(answers, _READY_WITHIN_S):
        raise RuntimeError("it does not answer")


def _answers(server: LocalServer) -> bool:
    try:
        server.run_tool("pg_isready", "-q", "-d", server.url("postgres"))
    except RuntimeError:
        return False
    return True


def _wrong_major(data: Path, wrong: WrongMajor) -> Failure:
    return Failure(
        f"{data} was written by PostgreSQL {wrong.found}, and this release runs PostgreSQL {MAJOR}",
        because=("a data directory cannot be read by another major version",),
        help=(
            "carry the data over with a backup:\n"
            f"with the release that wrote it:  onefunnel backup --data {data} old.onefunnel\n"
            f"with this release:               onefunnel restore --data NEW old.onefunnel"
        ),
        code="database-major",
        exit_code=REFUSED,
    )
