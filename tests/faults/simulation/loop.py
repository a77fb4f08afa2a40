"""An event loop whose clock stands still until it is moved, and that can say when nobody has anything to do."""

import asyncio
from typing import Any, Final

TURNS: Final = 100_000  # of the loop, without anything new from outside


class SimLoop(asyncio.SelectorEventLoop):
    """Only the scheduler moves the time; so no timer depends on how fast a machine is."""

    def __init__(self) -> None:
        self._now_s = 1_000.0
        super().__init__()

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
