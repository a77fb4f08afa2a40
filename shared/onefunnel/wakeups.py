"""Wake-ups: who waits for work hears of it at once, and loses nothing but time if the word is lost."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

FIRST_PAUSE_S: Final = 0.02
LAST_PAUSE_S: Final = 0.5


class Pace:
    """How long to wait before looking again unasked: longer each time nothing was there."""

    def __init__(self) -> None:
        self._pause_s = FIRST_PAUSE_S

    def pause_s(self) -> float:
        """Return the pause to make now; the next one is twice as long, up to a limit."""
        pause, self._pause_s = self._pause_s, min(2 * self._pause_s, LAST_PAUSE_S)
        return pause

    def reset(self) -> None:
        """Start over with short pauses: there was something."""
        self._pause_s = FIRST_PAUSE_S


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
        self._listeners: WeakSet[Listener] = WeakSet()
        self._descriptors: set[int] = set()

    def listen(self) -> Listener:
        """Return a new listener; a wake-up that comes from now on reaches it, while it is held."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def wake(self) -> None:
        """Wake all listeners. Call it in the loop's thread."""
        for listener in tuple(self._listeners):
            listener.notify()

    def attach(self, descriptor: int) -> None:
        """Wake whenever another process writes into the pipe whose reading end this is."""
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._drain, descriptor)
        self._descriptors.add(descriptor)

    def detach(self) -> None:
        """Let go of all pipes; whoever opened them may close them now."""
        for descriptor in self._descriptors:
            asyncio.get_running_loop().remove_reader(descriptor)
        self._descriptors.clear()

    def _drain(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(descriptor, 65_536):  # the other side is gone: polling goes on alone
                asyncio.get_running_loop().remove_reader(descriptor)
                self._descriptors.discard(descriptor)
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
