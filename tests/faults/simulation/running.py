"""Runs of many seeds in one world."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable

from ..world import World
from .loop import SimLoop
from .scene import Outcome, Scene, Watch

LINES = 60  # of a trace that are shown


class Broken(AssertionError):
    """An invariant did not hold: the seed, and how it came to that."""

    def __init__(self, seed: int, outcome: Outcome) -> None:
        shown = outcome.trace[-LINES:]
        lines = "\n".join(" ".join(line.split())[:110] for line in shown)
        super().__init__(
            f"seed {seed}: {type(outcome.error).__name__}: {outcome.error}\n"
            f"the last {len(shown)} of {len(outcome.trace)} steps:\n{lines}"
        )
        self.seed = seed


async def _nothing(_watch: Watch) -> None:
    """Prepare nothing."""


def simulate(
    world: World, seeds: Iterable[int], prepare: Callable[[Watch], Awaitable[None]] = _nothing
) -> Generator[tuple[int, Outcome], None, None]:
    """Play seeds one after the other; the caller may stop at any of them."""
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        opening = Watch.opened(world)
        watch = runner.run(opening.__aenter__())
        try:
            runner.run(prepare(watch))
            for seed in seeds:
                yield seed, runner.run(_play(world, watch, seed))
        finally:
            runner.run(opening.__aexit__(None, None, None))


async def _play(world: World, watch: Watch, seed: int) -> Outcome:
    await watch.clear()
    return await Scene(world, watch, seed).play()
