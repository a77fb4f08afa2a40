"""The host: starts everything in order, keeps it running, stops it in order."""

import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onefunnel.environment import METRICS_PORT
from onefunnel.persistence.local_server import MAJOR, LocalServer
from standalone.console.failure import NOT_READY, OK, Failure
from standalone.console.tables import say
from standalone.host import postgres, show
from standalone.host.child import Child
from standalone.host.demo import load_demo
from standalone.host.lock import Lock, Owner, acquire
from standalone.host.ports import HOST, free_port, listen
from standalone.host.preparing import environment_of, prepare
from standalone.host.processes import Mark, mark_of, stop
from standalone.host.readiness import serving
from standalone.host.supervision import keep_alive
from standalone.host.wiring import LISTEN, WAKE

LEFT_OVER_WITHIN_S: Final = 15.0
WEB_STOPS_WITHIN_S: Final = 10.0
WORKER_STOPS_WITHIN_S: Final = 30.0
DATABASE_LOOK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """What `onefunnel up` was asked."""

    data: Path
    port: int
    demo: bool


def run_host(options: Options) -> int:
    """Run the stack until it is told to stop; return the exit code."""
    return asyncio.run(_Host(options).run())


class _Host:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._data = options.data.resolve()
        self._children: list[Child] = []
        self._server: LocalServer | None = None
        self._starting: asyncio.Future[LocalServer] | None = None
        self._door: socket.socket | None = None
        self._signals = 0
        self._metrics_port = 0

    async def run(self) -> int:
        lock = acquire(self._data, mark_of(os.getpid()))
        work = asyncio.ensure_future(self._work(lock))
        self._listen_to_signals(work)
        try:
            await work
        except asyncio.CancelledError:
            say("stopping …")
        except ExceptionGroup as group:
            raise _first_failure(group) from None
        finally:
            await self._stop_all()
            lock.release()
        say("stopped; your data stays in " + str(self._options.data))
        return OK

    async def _work(self, lock: Lock) -> None:
        if lock.left_over is not None:
            await asyncio.to_thread(_stop_left_over, lock.left_over)
        self._door = door = listen(self._options.port)
        url = f"http://{HOST}:{door.getsockname()[1]}"
        lock.note(url=url)
        self._metrics_port = free_port(door.getsockname()[1] + 1)
        show.addresses(url, self._metrics_port, self._options.data)
        environment = await self._start_database()
        keys = await prepare(self._data, environment, demo=self._options.demo)
        await self._serve(door, environment, lock, keys)

    async def _start_database(self) -> dict[str, str]:
        with show.step("database") as done:
            self._starting = asyncio.ensure_future(asyncio.to_thread(postgres.start, self._data))
            # The thread goes on when we are cancelled; `_stop_all` waits for it.
            self._server = await asyncio.shield(self._starting)
            done(f"PostgreSQL {MAJOR} in {self._options.data}/postgres, this machine only")
        return environment_of(self._data, self._server)

    async def _serve(
        self, door: socket.socket, environment: dict[str, str], lock: Lock, keys: show.NewKeys
    ) -> None:
        def started(name: str, mark: Mark) -> None:
            lock.note(child=(name, mark))

        self._children = _children(self._data, door, environment, self._metrics_port)
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(keep_alive(child, started, say))
            group.create_task(self._keep_database())
            with show.step("services") as done:
                if not await serving(door.getsockname()[1]):
                    raise self._not_serving()
                done("lead scoring content metrics gateway")
            show.new_keys(keys, self._options.data)
            await self._tell(door.getsockname()[1])

    async def _tell(self, port: int) -> None:
        """Load the demo company where it is wanted, and say what to do next."""
        if self._options.demo:
            await load_demo(self._data, f"http://{HOST}:{port}")
        show.next_steps(self._options.data, demo=self._options.demo)

    async def _keep_database(self) -> None:
        assert self._server is not None
        never = asyncio.Event()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATABASE_LOOK_S):
                    await never.wait()
            if self._server.pid() is None:
                say("  database died; starting it again")
                await asyncio.to_thread(postgres.start, self._data)

    def _not_serving(self) -> Failure:
        words = [f"{child.name}: {child.last_words()}" for child in self._children]
        return Failure(
            "the gateway does not answer",
            because=tuple(words),
            help=f"the logs are in {self._data}/logs",
            code="not-serving",
            exit_code=NOT_READY,
        )

    def _listen_to_signals(self, work: asyncio.Future[None]) -> None:
        def heard() -> None:
            self._signals += 1
            if self._signals == 1:
                work.cancel()
            else:
                for child in self._children:
                    child.kill()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, heard)

    async def _stop_all(self) -> None:
        """Stop what runs: requests first, then the worker, then the database. Nothing may be left."""
        if self._door is not None:
            self._door.close()  # ours; the web process finishes what it has
        for child in self._children:
            within = WEB_STOPS_WITHIN_S if child.name == "web" else WORKER_STOPS_WITHIN_S
            if not await child.stop(within):
                say(f"  {child.name} did not stop in time and was ended")
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._server is not None or self._starting is not None:
            server = postgres.server_of(self._data)
            try:
                await asyncio.to_thread(postgres.stop, server, at_once=self._signals > 1)
            except RuntimeError as error:
                say(f"  the database did not stop in order and recovers at the next start: {error}")


def _first_failure(group: ExceptionGroup) -> Exception:
    """Return what to say of several things that went wrong at once."""
    failures, others = group.split(Failure)
    found = (failures or others or group).exceptions[0]
    return _first_failure(found) if isinstance(found, ExceptionGroup) else found


def _children(
    data: Path, door: socket.socket, environment: dict[str, str], metrics_port: int
) -> list[Child]:
    """Return the two processes, joined by a pipe: the web process wakes the worker through it."""
    hears, tells = os.pipe()
    web = Child(
        "web",
        "standalone.host.web",
        data / "logs" / "web.log",
        environment={**environment, LISTEN: str(door.fileno()), WAKE: str(tells)},
        descriptors=(door.fileno(), tells),
    )
    worker = Child(
        "worker",
        "standalone.host.worker",
        data / "logs" / "worker.log",
        environment={**environment, WAKE: str(hears), METRICS_PORT: str(metrics_port)},
        descriptors=(hears,),
    )
    return [web, worker]


def _stop_left_over(left: Owner) -> None:
    alive = [mark for mark in left.children.values() if mark.alive()]
    if alive:
        say(f"  stopping {len(alive)} processes that a killed onefunnel left")
        stop(alive, LEFT_OVER_WITHIN_S)
