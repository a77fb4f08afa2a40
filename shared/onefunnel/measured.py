"""What is measured of one service alone, beside what is measured of every service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from math import nan

from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.metrics import GaugeName
from onefunnel.watch import Watch

Look = Callable[[datetime], Awaitable[Mapping[GaugeName, float]]]


class Measured:
    """Sets the gauges of `names` whenever the service is looked at."""

    def __init__(
        self, service: str, watch: Watch, look: Look, names: Sequence[GaugeName], clock: Clock
    ) -> None:
        self._service = service
        self._watch = watch
        self._look = look
        self._names = names
        self._clock = clock

    async def __call__(self) -> Sequence[str]:
        """Set the gauges and return what is amiss. Raises while the database is away."""
        # An old value would look like a present one.
        found: Mapping[GaugeName, float] = dict.fromkeys(self._names, nan)
        try:
            concerns = await self._watch()
            found = await self._look(self._clock.now())
        finally:
            for name, value in found.items():
                telemetry.gauge(name, value, service=self._service)
        return concerns
