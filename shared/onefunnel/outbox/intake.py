"""The valve before the outbox: while too many events wait for the log, no more are taken in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from onefunnel import telemetry
from onefunnel.http.problems import Problem
from onefunnel.outbox.standing import Standing
from onefunnel.persistence.database import StorageUnavailable

LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a service is degraded, and from where on it refuses what would publish."""

    degraded_events: int = 10_000
    degraded_age_s: float = 60.0
    full_events: int = 200_000  # about 300 MB of outbox, a minute and a half of the relay's work


class Intake:
    """Looks at the outbox at most once in `LOOK_EVERY_S`, whoever asks."""

    def __init__(
        self,
        service: str,
        look: Callable[[], Awaitable[Standing]],
        limits: Limits = Limits(),
        *,
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._service = service
        self._look = look
        self._limits = limits
        self._every_s = every_s
        self._known: Standing = {"depth": 0, "oldest_age_s": 0.0}
        self._again_at = 0.0

    async def admit(self) -> None:
        """Raise `outbox-full` beyond the limit. A broker that is down is no reason before that."""
        await self._refresh()
        if self._known["depth"] > self._limits.full_events:
            telemetry.count("intake_refused_total", service=self._service)
            raise Problem("outbox-full", "Too many events wait for the log; nothing was written.")

    async def concerns(self) -> list[str]:
        """Return what makes the service degraded, in words; nothing where all is well."""
        await self._refresh()
        depth, age_s, limits = self._known["depth"], self._known["oldest_age_s"], self._limits
        found = []
        if depth > limits.degraded_events:
            found.append(f"{depth} events wait in the outbox, more than {limits.degraded_events}")
        if age_s > limits.degraded_age_s:
            found.append(f"the oldest has waited for more than {limits.degraded_age_s:.0f} s")
        return found

    async def _refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._again_at:
            return
        self._again_at = (
            now + self._every_s
        )  # before the look: whoever comes meanwhile does not wait
        try:
            self._known = await self._look()
        except StorageUnavailable:
            return  # the write itself will say so
