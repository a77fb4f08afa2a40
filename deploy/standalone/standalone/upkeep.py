"""Rebuilding and verifying the projections, on the database of a data directory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.adapters.snapshot import PostgresVerifyStore
from metrics_service.application.rebuild import Difference, Report, rebuild
from metrics_service.application.verify import Verdict, verify
from onefunnel.errors import DomainError
from onefunnel.persistence.database import Database
from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.urls import WORKER_ROLE
from standalone.console.failure import REFUSED, Failure
from standalone.console.progress import Progress
from standalone.host.borrowing import borrowed_server

T = TypeVar("T")


def rebuild_projections(data: Path) -> dict[str, Any]:
    """Make a new generation of all projections and switch to it; return what changed."""

    async def work(database: Database) -> Report:
        meter = _Meter("rebuild")
        report = await rebuild(PostgresGenerations(database), meter)
        meter.finish()
        return report

    report = _on_database(data, work)
    return {
        "clean": report.clean,
        "generation": report.generation,
        "events": report.events,
        "entities": report.entities,
        "tables": [one._asdict() for one in report.changed],
        "differences": [_difference(one) for one in report.differences],
    }


def verify_projections(data: Path) -> dict[str, Any]:
    """Recount everything from the journal and compare; return what was found."""

    async def work(database: Database) -> Verdict:
        meter = _Meter("verify")
        verdict = await verify(PostgresVerifyStore(database), meter)
        meter.finish()
        return verdict

    verdict = _on_database(data, work)
    found = asdict(verdict)
    found["differences"] = [_difference(one) for one in verdict.differences]
    return {"right": verdict.right, **found}


class _Meter:
    """Shows how many events of how many are done."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._progress: Progress | None = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        self._progress = self._progress or Progress(self._label, total, "events")
        self._progress.add(done - self._done)
        self._done = done

    def finish(self) -> None:
        """End the line."""
        if self._progress:
            self._progress.finish()


def _on_database(data: Path, work: Callable[[Database], Awaitable[T]]) -> T:
    with borrowed_server(data) as server:
        try:
            return asyncio.run(_with_database(server, work))
        except DomainError as refused:
            raise Failure(
                refused.detail,
                help="wait until it is done;  onefunnel status  shows it",
                code=refused.code,
                exit_code=REFUSED,
            ) from None


async def _with_database(server: LocalServer, work: Callable[[Database], Awaitable[T]]) -> T:
    url = server.url("metrics", WORKER_ROLE)
    database = Database(url, pool_size=2, name="onefunnel-upkeep")
    try:
        return await work(database)
    finally:
        await database.close()


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "tenant": str(one.tenant_id),
        "payee": str(one.key.payee_id),
        "component": one.key.component,
        "earned_period": one.key.earned_period,
        "currency": one.key.currency,
        "owed_minor": one.owed_minor,
        "posted_minor": one.posted_minor,
    }
