"""A funnel's steps, compiled for deriving: which act enters which step, and how long its window is."""

from functools import cached_property, lru_cache

from msgspec import Struct

from metrics_service.projections.calendar import DAY_US, Micros
from onefunnel.events import directory

WON_ENTRY = "deal.won"


class StepDefinition(Struct, array_like=True, frozen=True):
    """One step as it was agreed."""

    key: str
    owner: str
    entity: str
    entry: str
    window_days: int


class FunnelVersion(Struct, array_like=True, frozen=True):
    """One agreed version of a funnel."""

    funnel: str
    version: int
    steps: tuple[StepDefinition, ...]


def funnel_version(event: directory.FunnelActivated) -> FunnelVersion:
    """Return the version that an event activates."""
    steps = tuple(
        StepDefinition(step.key, step.owner, step.entity, step.entry, step.window_days)
        for step in event.steps
    )
    return FunnelVersion(event.funnel, event.version, steps)


class StepTrack:
    """The steps of one kind of entity, in order."""

    def __init__(self, steps: tuple[StepDefinition, ...]) -> None:
        self.keys: tuple[str, ...] = tuple(step.key for step in steps)
        self.windows: tuple[Micros, ...] = tuple(step.window_days * DAY_US for step in steps)
        self.rank_of: dict[str, int] = {key: rank for rank, key in enumerate(self.keys)}
        self.rank_of_entry: dict[str, int] = {step.entry: rank for rank, step in enumerate(steps)}
        self._owners = tuple(step.owner for step in steps)

    def last_of_marketing(self, rank: int) -> int:
        """Return the last step up to `rank` that marketing owns: where a recycled lead goes."""
        return next((r for r in range(rank, -1, -1) if self._owners[r] == "marketing"), 0)


class CompiledFunnel:
    """A funnel version, ready to derive from."""

    def __init__(self, version: FunnelVersion) -> None:
        self.definition = version
        self.name = version.funnel
        self.version = version.version

    @cached_property
    def lead(self) -> StepTrack:
        """The steps that leads pass."""
        return StepTrack(tuple(s for s in self.definition.steps if s.entity == "lead"))

    @cached_property
    def deal(self) -> StepTrack:
        """The steps that deals pass."""
        return StepTrack(tuple(s for s in self.definition.steps if s.entity == "deal"))

    @cached_property
    def won_rank(self) -> int | None:
        """The rank of the deal step that a booking enters."""
        return self.deal.rank_of_entry.get(WON_ENTRY)


@lru_cache(maxsize=1_024)
def compiled_funnel(version: FunnelVersion) -> CompiledFunnel:
    """Return a version compiled; snapshots of the same rules share it."""
    return CompiledFunnel(version)
