"""Composition root: the only file that knows all rooms."""

from collections.abc import Callable

from fastapi import FastAPI

from metrics_service.adapters.pay_repositories import sql_tx
from metrics_service.adapters.views import sql_reads
from metrics_service.adapters.views_fates import read_fate
from metrics_service.entrypoints.http_metrics import metric_routes
from metrics_service.entrypoints.http_pay import pay_routes
from metrics_service.entrypoints.http_pay_lists import pay_list_routes
from metrics_service.entrypoints.http_statements import statement_routes
from metrics_service.entrypoints.http_utilization import utilization_routes
from metrics_service.entrypoints.reading import Views, ask_dependency
from metrics_service.settings import DATABASE, NAME
from onefunnel.clock import Clock
from onefunnel.http.app import service_app
from onefunnel.http.writes import write_dependency
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime
from onefunnel.service import Service


def build(runtime: Runtime) -> Service:
    """Wire metrics-service: commands about pay, reads of everything."""
    app = application(
        runtime.database(DATABASE),
        internal_key=runtime.internal_key,
        clock=runtime.clock,
        wake=runtime.wake,
    )
    return Service(NAME, app)


def application(
    database: Database, *, internal_key: bytes, clock: Clock, wake: Callable[[], None]
) -> FastAPI:
    """Wire what answers HTTP."""
    ask = ask_dependency(Views(database.snapshot, sql_reads, read_fate))
    write = write_dependency(database, wake, clock)

    async def ready() -> None:
        async with database.transaction():
            pass

    return service_app(
        name=NAME,
        routers=[
            pay_routes(write, lambda conn, metadata: sql_tx(conn, metadata, clock)),
            pay_list_routes(ask),
            statement_routes(ask),
            metric_routes(ask),
            utilization_routes(ask),
        ],
        internal_key=internal_key,
        ready=ready,
        clock=clock,
    )
