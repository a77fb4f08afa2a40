"""What goes wrong in one run: a few kinds of faults, at a rate, chosen by the seed (a swarm of weathers)."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from .operation import Operation, Verdict
from .scheduler import Scheduler

RATES: Final = (0.0, 0.01, 0.03, 0.06)
MOST: Final = 12  # faults in one run: afterwards everything has to come to rest
ZOMBIE_STEPS: Final = 60
KINDS: Final[tuple[Verdict, ...]] = (
    "error before", "error after", "crash before", "crash after", "cancel", "refused", "duplicate",
)  # fmt: skip


class Weather:
    """The faults of one seed."""

    def __init__(
        self,
        seed: int,
        scheduler: Scheduler,
        *,
        leases_run_out: Callable[[], Awaitable[None]],
        restart: Callable[[str], None],
    ) -> None:
        self._chance = chance = Random(f"weather {seed}")
        self._scheduler = scheduler
        self._kinds = [kind for kind in KINDS if chance.random() < 0.5]
        self._rate = chance.choice(RATES)
        self._freezes = chance.random() < 0.5
        self._left = MOST
        self._leases_run_out = leases_run_out
        self._restart = restart

    def verdict(self, operation: Operation) -> Verdict:
        """Say what is to go wrong with an operation: mostly nothing, more often at a commit."""
        rate = self._rate * (4 if operation.commits or operation.appends else 1)
        if self._left and self._kinds and self._chance.random() < rate:
            kind = self._chance.choice(self._kinds)
            if _suits(kind, operation):
                self._left -= 1
                self._scheduler.reached[kind] += 1
                if kind == "error after" and operation.commits:
                    self._scheduler.reached["commit of unknown outcome"] += 1
                return kind
        return "fine"

    async def between(self) -> None:
        """Start what crashed again, freeze somebody, let leases run out."""
        chance = self._chance
        for actor in list(self._scheduler.crashed):
            if chance.random() < 0.1:
                self._scheduler.crashed.remove(actor)
                await self._leases_run_out()
                self._restart(actor.name)
        if self._left and self._freezes and chance.random() < 0.01:
            self._left -= 1
            await self._freeze()

    async def _freeze(self) -> None:
        actors = self._scheduler.workers()
        if actors:
            frozen = self._chance.choice(actors)
            frozen.frozen_for = ZOMBIE_STEPS
            self._scheduler.trace.append(f"{frozen.name} is frozen, leases run out")
            await self._leases_run_out()


def _suits(kind: Verdict, operation: Operation) -> bool:
    if operation.what in {"connect", "close"}:
        return kind in {"error before", "crash before"}
    if kind == "cancel":
        return operation.actor.name.startswith("writer")
    if kind == "refused":
        return operation.actor.name.startswith("fold")
    if kind == "duplicate":
        return operation.appends
    return True
