"""The ops endpoint of a process that works and serves nobody: `/livez`, `/readyz`, `/metrics`.

It listens where `ONEFUNNEL_METRICS_PORT` says and nowhere if that is not set.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from onefunnel import telemetry
from onefunnel.environment import METRICS_PORT
from onefunnel.http.listening import BoundedHttp
from onefunnel.watch import Watch

LOOP_LOOK_S: Final = 0.5

_log = telemetry.log("ops")


def ops_app(watches: Mapping[str, Watch]) -> Starlette:
    """Return the endpoint's application; readiness and metrics look at every service given."""

    async def livez(_request: Request) -> Response:
        return Response(status_code=204)

    async def readyz(_request: Request) -> Response:
        missing, concerns = await _looked(watches)
        if missing:
            return JSONResponse({"status": "not-ready", "missing": missing}, 503)
        return health(concerns)

    async def metrics(_request: Request) -> Response:
        await _looked(watches)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
    )


def health(concerns: list[str]) -> Response:
    """Return what a ready process answers: nothing, or what it is degraded by."""
    if not concerns:
        return Response(status_code=204)
    return JSONResponse({"status": "degraded", "concerns": concerns})


@asynccontextmanager
async def answering(watches: Mapping[str, Watch]) -> AsyncIterator[None]:
    """Answer while the block runs, if the environment says where."""
    watch_loop(asyncio.get_running_loop())
    port = os.environ.get(METRICS_PORT)
    if not port:
        yield
        return
    door = socket.create_server((os.environ.get("ONEFUNNEL_HOST", "127.0.0.1"), int(port)))
    config = uvicorn.Config(
        ops_app(watches), http=BoundedHttp, ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    # `serve` would take the signals from those who work here.
    answers = asyncio.create_task(server._serve([door]))  # noqa: SLF001
    try:
        yield
    finally:
        server.should_exit = True
        await answers
        door.close()


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Measure how late the loop comes to a timer, as long as it runs."""

    def look(due: float) -> None:
        telemetry.observe("event_loop_lag_seconds", max(0.0, loop.time() - due))
        loop.call_later(LOOP_LOOK_S, look, loop.time() + LOOP_LOOK_S)

    loop.call_later(LOOP_LOOK_S, look, loop.time() + LOOP_LOOK_S)


async def _looked(
    watches: Mapping[str, Callable[[], Awaitable[object]]],
) -> tuple[list[str], list[str]]:
    """Look at every service at once; return those that cannot work, and what is amiss with the others."""
    found = await asyncio.gather(*(watch() for watch in watches.values()), return_exceptions=True)
    missing, concerns = [], []
    for name, outcome in zip(watches, found, strict=True):
        if isinstance(outcome, BaseException):
            _log.warning("not.ready", service=name, error=type(outcome).__name__)
            missing.append(name)
        elif isinstance(outcome, list):
            concerns += [f"{name}: {concern}" for concern in outcome]
    return missing, concerns
