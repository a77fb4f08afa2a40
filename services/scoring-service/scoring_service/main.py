"""The composition root: the only file that knows all rooms."""

from collections.abc import Callable
from functools import partial
from typing import Final

from fastapi import FastAPI
from sqlalchemy import text

from onefunnel.clock import Clock
from onefunnel.http.app import service_app
from onefunnel.http.reads import read_dependency
from onefunnel.http.writes import write_dependency
from onefunnel.persistence.database import Database
from scoring_service.adapters.repositories import open_tx
from scoring_service.adapters.views import SqlViews
from scoring_service.entrypoints.dependencies import Wiring
from scoring_service.entrypoints.http import routers

NAME: Final = "scoring-service"


def application(
    database: Database, *, internal_key: bytes, clock: Clock, wake: Callable[[], None]
) -> FastAPI:
    """Return the HTTP application over a database under the app role."""
    wiring = Wiring(
        write_of=write_dependency(database, wake, clock),
        read_of=read_dependency(database),
        tx_of=open_tx,
        views_of=SqlViews,
        clock=clock,
    )
    return service_app(
        name=NAME,
        routers=routers(wiring),
        internal_key=internal_key,
        ready=partial(_ready, database),
        clock=clock,
    )


async def _ready(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute(text("SELECT 1"))
