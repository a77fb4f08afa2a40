"""Keeping processes alive: who dies is started again, but not for ever."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from standalone.console.failure import Failure
from standalone.host.child import Child
from standalone.host.processes import Mark

MAX_DEATHS: Final = 5
WITHIN_S: Final = 60.0


class Deaths:
    """Counts deaths within a time: a few are bad luck, more are a fault that restarting will not cure."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MAX_DEATHS)

    def too_many(self, now: float) -> bool:
        """Note a death; say whether there were too many."""
        self._times.append(now)
        return len(self._times) == MAX_DEATHS and now - self._times[0] < WITHIN_S


async def keep_alive(
    child: Child, started: Callable[[str, Mark], None], say: Callable[[str], None]
) -> None:
    """Run a child until cancelled; start it again when it dies, and give up after too many deaths."""
    deaths = Deaths()
    while True:
        started(child.name, await child.start())
        code = await child.wait()
        if deaths.too_many(asyncio.get_running_loop().time()):
            raise Failure(
                f"the {child.name} process died {MAX_DEATHS} times within {WITHIN_S:.0f} seconds",
                because=(child.last_words() or manner(code),),
                help=f"its log is {child.log}",
                code="process-died",
            )
        say(f"  {child.name} {manner(code)}; starting it again (log: {child.log})")


def manner(code: int) -> str:
    """Return how a process ended, in words."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
