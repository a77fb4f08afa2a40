"""The runtime: everything a service is given, as one frozen value that a profile makes.

A service never asks which profile it runs under; it uses what is in here.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from onefunnel.clock import Clock
from onefunnel.log.port import EventLog
from onefunnel.persistence.database import Database

Header = tuple[bytes, bytes]


class ServiceResponse(NamedTuple):
    """What another service answered, as raw as it came."""

    status: int
    headers: Sequence[Header]
    body: bytes


class ServiceUnreachable(Exception):
    """The other service could not be asked, or did not answer in time."""


class ServiceClient(Protocol):
    """Asks one service; a direct call inside a process, HTTP between processes."""

    async def request(
        self, method: str, path: str, *, query: str, headers: Sequence[Header], body: bytes
    ) -> ServiceResponse:
        """Send one request and return the whole answer, whatever its status.

        `path` is percent-encoded, `query` comes without the question mark. Raises `ServiceUnreachable`.
        """
        ...


class Listener:
    """One loop's ear: remembers a wake-up that comes while the loop is busy."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake the loop, now or when it next waits."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a wake-up for at most `timeout_s`; say whether one came. Wake-ups do not add up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        came = self._event.is_set()
        self._event.clear()
        return came


class Wakeups:
    """Tells every listener in this process that something was committed to an outbox."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self) -> Listener:
        """Return a new listener; a wake-up that comes from now on reaches it."""
        self._listeners.append(Listener())
        return self._listeners[-1]

    def wake(self) -> None:
        """Wake all listeners. Call it in the loop's thread."""
        for listener in self._listeners:
            listener.notify()

    def attach(self, descriptor: int) -> None:
        """Wake whenever another process writes into the pipe whose reading end this is."""
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._drain, descriptor)

    def _drain(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(descriptor, 65_536):  # the other side is gone: polling goes on alone
                asyncio.get_running_loop().remove_reader(descriptor)
        self.wake()


def pipe_wake(descriptor: int) -> Callable[[], None]:
    """Return a `wake` that writes one byte into a pipe and never waits.

    A full pipe is a wake-up that is already on its way; a broken one means that nobody listens.
    """
    os.set_blocking(descriptor, False)

    def wake() -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(descriptor, b"\0")

    return wake


@dataclass(frozen=True)
class Runtime:
    """The ports a service runs on. Databases are cached by name: asking twice gives one pool."""

    database: Callable[[str], Database]  # under the app role: requests
    worker_database: Callable[[str], Database]  # under the worker role: relays, folds, reactions
    log: EventLog
    clock: Clock
    internal_key: bytes
    client: Callable[[str], ServiceClient]  # "lead", "scoring", "content", "metrics"
    wake: Callable[[], None]  # something was committed to an outbox
    wakeups: Wakeups  # the worker's side of it
    close: Callable[[], Awaitable[None]]  # closes databases, clients and the log
