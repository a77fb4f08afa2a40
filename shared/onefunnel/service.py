"""A service is a value: its name, its app, and what runs in its background.

`run` is the whole of a service's `__main__`: it chooses the profile, once, and runs one part.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import uvicorn
import uvloop
from pydantic import ValidationError
from starlette.types import ASGIApp

from onefunnel import ops, telemetry, tracing
from onefunnel.errors import Refused
from onefunnel.http.listening import BoundedHttp, Server
from onefunnel.persistence.urls import database_of
from onefunnel.runtime import Runtime
from onefunnel.starting import once_there
from onefunnel.watch import Watch

# Runs until the event is set, then finishes its turn and returns. Raising ends the process.
Background = Callable[[asyncio.Event], Awaitable[None]]

YOUNG_OBJECTS: Final = 20_000
STOP_WITHIN_S: Final = 20
USAGE: Final = "usage: python -m {package} [serve|work|migrate]"

_log = telemetry.log("service")


@dataclass(frozen=True)
class Service:
    """What `<package>.main.build(runtime)` returns."""

    name: str
    app: ASGIApp
    background: Sequence[Background] = ()
    watch: Watch | None = None  # how it stands, asked in a worker


def run(package: str) -> None:
    """Run one part of a service: `serve` its requests, `work` in its background, or `migrate`."""
    part = sys.argv[1] if len(sys.argv) > 1 else "serve"
    parts = {"serve": _serve, "work": _work, "migrate": _migrate}
    if len(sys.argv) > 2 or part not in parts:
        sys.exit(USAGE.format(package=package))
    _run(package, parts[part](package))


def run_once(package: str, use: Callable[[Runtime], Awaitable[None]]) -> None:
    """Do one thing on a service's runtime and end: what an operator's command does."""

    async def once() -> None:
        runtime = _opened(package, "web")
        try:
            await use(runtime)
        finally:
            await runtime.close()

    _run(package, once())


async def serve(
    app: ASGIApp, *, host: str, port: int, sockets: list[socket.socket] | None = None
) -> None:
    """Answer requests until the process is told to stop, then finish those that are under way."""
    config = uvicorn.Config(
        app, host=host, port=port, http=BoundedHttp, ws="none", lifespan="on", log_config=None,
        access_log=False, server_header=False, date_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )  # fmt: skip
    await Server(config).serve(sockets=sockets)


async def work(services: Sequence[Service], runtime: Runtime, stop: asyncio.Event) -> None:
    """Run all background work until `stop` is set; then let each finish its turn.

    If one of them ends by an error, all others are stopped in order and the error is raised.
    """
    everything = [("runtime", runtime.upkeep), *((s.name, s.background) for s in services)]
    tasks = [
        asyncio.create_task(_until_error(background, stop), name=f"{name}:{at}")
        for name, backgrounds in everything
        for at, background in enumerate(backgrounds)
    ]
    await stop.wait()
    runtime.wakeups.wake()  # nobody sleeps through the stop
    _, late = await asyncio.wait(tasks, timeout=STOP_WITHIN_S) if tasks else (set(), set())
    for task in late:
        _log.error("stopped_too_late", task=task.get_name())
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=bool(late))


def watches_of(services: Sequence[Service]) -> dict[str, Watch]:
    """Return how each service is looked at."""
    return {service.name: service.watch for service in services if service.watch is not None}


def settle() -> None:
    """Take what was loaded so far out of the collector's sight: it stays as long as the process.

    A batch makes tens of thousands of objects that die with it; looking for cycles every 700 of them
    cost a batch of leads a quarter of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` when the process is asked to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _until_error(background: Background, stop: asyncio.Event) -> None:
    try:
        await background(stop)
    except asyncio.CancelledError:
        stop.set()  # not asked for by anybody before the stop: what it did is done by nobody now
        raise
    except Exception:
        _log.exception("background_failed")
        stop.set()
        raise


async def _serve(package: str) -> None:
    host, port = (
        os.environ.get("ONEFUNNEL_HOST", "127.0.0.1"),
        os.environ.get("ONEFUNNEL_PORT", "8080"),
    )
    async with _built(package, "web") as (service, runtime), asyncio.TaskGroup() as tasks:
        # Not before: a process whose database is away answers that it lives and is not ready.
        ops.watch_loop(asyncio.get_running_loop())
        checking = tasks.create_task(once_there(runtime.check, asyncio.Event()))
        # The server catches these and raises them again when it is done: there is still to be closed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        await serve(service.app, host=host, port=int(port))
        checking.cancel()


async def _work(package: str) -> None:
    async with _built(package, "worker") as (service, runtime):
        stop = asyncio.Event()
        stop_on_signals(stop)
        if not service.background:
            _log.info("nothing_to_do")
        async with ops.answering(watches_of([service])):
            await once_there(runtime.check, stop)
            await work([service], runtime, stop)


async def _migrate(package: str) -> None:
    profile, stop = _profile(), asyncio.Event()
    stop_on_signals(stop)
    settings = _settings(profile)
    await once_there(lambda: profile.migrate(settings, [package]), stop)


@asynccontextmanager
async def _built(package: str, part: str) -> AsyncIterator[tuple[Service, Runtime]]:
    runtime = _opened(package, part)
    try:
        service: Service = import_module(f"{package}.main").build(runtime)
        settle()
        yield service, runtime
    finally:
        await runtime.close()


def _opened(package: str, part: str) -> Runtime:
    profile = _profile()
    runtime: Runtime = profile.open_runtime(
        _settings(profile), part=part, checks=[database_of(package)], apps={}
    )
    return runtime


def _run(package: str, work: Coroutine[Any, Any, None]) -> None:
    telemetry.configure_logs(package)
    tracing.start(package)
    try:
        uvloop.run(work)
    except* Refused as refused:
        sys.exit("\n".join(f"{package} does not start: {one}" for one in refused.exceptions))


def _profile() -> ModuleType:
    """Return the profile's module: the one place where it is chosen."""
    return import_module(f"onefunnel.profiles.{os.environ.get('ONEFUNNEL_PROFILE', 'embedded')}")


def _settings(profile: ModuleType) -> Any:
    """Read the profile's settings. Raises `Refused` where one is missing or cannot be."""
    try:
        return profile.Settings()
    except ValidationError as error:
        raise Refused(str(error)) from error
