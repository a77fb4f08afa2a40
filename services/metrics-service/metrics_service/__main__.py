"""`python -m metrics_service [serve|work|migrate|rebuild|verify]`."""

import sys
from collections.abc import Sequence
from typing import Any

import orjson

from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.rebuild import rebuild
from metrics_service.application.verify import verify
from metrics_service.settings import DATABASE
from onefunnel.runtime import Runtime
from onefunnel.service import Tool, run


async def rebuild_all(runtime: Runtime, _given: Sequence[str]) -> int:
    """Make a new generation and switch to it; exit 1 if anything came out otherwise than before."""
    report = await rebuild(PostgresGenerations(runtime.worker_database(DATABASE)))
    return _say(report, right=report.clean)


async def verify_all(runtime: Runtime, _given: Sequence[str]) -> int:
    """Recount everything from the journal; exit 1 if anything is wrong."""
    verdict = await verify(PostgresVerifyStore(runtime.worker_database(DATABASE)))
    return _say(verdict, right=verdict.right)


def _say(found: object, *, right: bool) -> int:
    answer = orjson.dumps({"right": right, "found": found}, default=_plain)
    sys.stdout.write(answer.decode() + "\n")
    return 0 if right else 1


def _plain(value: Any) -> Any:
    """Return what JSON can hold: rows with their names, everything else as a list or as text."""
    if isinstance(value, tuple | frozenset):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    return str(value)


if __name__ == "__main__":
    run(
        "metrics_service",
        {"rebuild": Tool("worker", rebuild_all), "verify": Tool("worker", verify_all)},
    )
