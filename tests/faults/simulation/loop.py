"""An event loop whose clock stands still until it is moved, and that can say when nobody has anything to do."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Final

TURNS: Final = 100_000  # of the loop, without anything new from outside
GLANCE_S: Final = 0.002  # of real time


class _Impatient(selectors.DefaultSelector):
    """Comes back when nothing has come for a moment, and says so."""

    def __init__(self, nothing_came: Callable[[], None]) -> None:
        super().__init__()
        self._nothing_came = nothing_came

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(GLANCE_S if timeout is None else min(timeout, GLANCE_S))
        if not found and timeout != 0:
            self._nothing_came()
        return found


class SimLoop(asyncio.SelectorEventLoop):
    """Only the scheduler moves the time; so no timer depends on how fast a machine is."""

    def __init__(self) -> None:
        self._now_s = 1_000.0
        self._glance: asyncio.Future[None] | None = None
        super().__init__(_Impatient(self._nothing_came))

    def time(self) -> float:
        """Return the simulated time."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Move the clock."""
        self._now_s += seconds

    def to_next_timer(self) -> bool:
        """Move the clock to the next timer that is still wanted; say whether there is one."""
        timers: list[Any] = getattr(self, "_scheduled")  # noqa: B009 - the loop's own, not in its stubs
        times = [timer.when() for timer in timers if not timer.cancelled()]
        if times:
            self._now_s = max(self._now_s, min(times))
        return bool(times)

    def glance(self) -> "asyncio.Future[None]":
        """Return what is done when no server has said anything for two milliseconds of real time."""
        if self._glance is None or self._glance.done():
            self._glance = self.create_future()
        return self._glance

    def _nothing_came(self) -> None:
        if self._glance is not None and not self._glance.done():
            self._glance.set_result(None)

    async def quiet(self) -> None:
        """Return when nothing can go on without a server's answer or the time."""
        ready: Any = getattr(self, "_ready")  # noqa: B009 - the loop's own, not in its stubs
        idle = 0
        for _ in range(TURNS):
            await asyncio.sleep(0)
            idle = 0 if ready else idle + 1
            if idle == 2:  # a timer that is due becomes ready in the turn after
                return
        raise AssertionError("somebody goes round in circles without waiting for anything")
