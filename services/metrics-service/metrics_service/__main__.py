"""`python -m metrics_service [serve|work|migrate]`, or once: `verify` or `rebuild` the projections."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson

from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.rebuild import rebuild
from metrics_service.application.verify import verify
from metrics_service.settings import DATABASE
from onefunnel.errors import DomainError
from onefunnel.runtime import Runtime
from onefunnel.service import run, run_once


def main() -> None:
    """Run a part of the service, or do one thing, print what came of it as JSON, and exit 1 if not all is right."""
    use = ONCE.get(" ".join(sys.argv[1:]))
    if use is None:
        run("metrics_service")
        return
    run_once("metrics_service", use)


async def _rebuild(runtime: Runtime) -> None:
    try:
        report = await rebuild(PostgresGenerations(runtime.worker_database(DATABASE)))
    except DomainError as refused:
        sys.exit(refused.detail)
    _end(report, right=report.clean)


async def _verify(runtime: Runtime) -> None:
    verdict = await verify(PostgresVerifyStore(runtime.worker_database(DATABASE)))
    _end(verdict, right=verdict.right)


ONCE: Final[Mapping[str, Callable[[Runtime], Awaitable[None]]]] = {
    "rebuild": _rebuild,
    "verify": _verify,
}


def _end(found: object, *, right: bool) -> None:
    answer = orjson.dumps({"right": right, "found": found}, default=_plain)
    sys.stdout.write(answer.decode() + "\n")
    sys.exit(0 if right else 1)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: rows with their names, everything else as a list or as text."""
    if isinstance(value, tuple | frozenset):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    return str(value)


if __name__ == "__main__":
    main()
