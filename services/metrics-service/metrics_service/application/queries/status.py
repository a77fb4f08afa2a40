"""How metrics-service is doing: how far behind, which generation answers, what waits for an operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from onefunnel.events.topics import CONTENT, DEAL, DIRECTORY, LEAD, PAY, SCORING, VIEW
from onefunnel.log.halts import Halted

# Which topics move which numbers.
MOVED_BY: Final[Mapping[str, frozenset[str]]] = {
    "funnel": frozenset({LEAD, DEAL, SCORING, DIRECTORY}),
    "sales-performance": frozenset({DEAL, DIRECTORY}),
    "compensation": frozenset({PAY, DEAL, DIRECTORY}),
    "lead-utilization": frozenset({LEAD, SCORING, DIRECTORY}),
    "content-utilization": frozenset({CONTENT, VIEW, DIRECTORY}),
}


@dataclass(frozen=True, slots=True)
class TopicStanding:
    """One topic of one tenant: when the last event was made that was folded, and how many wait for another."""

    topic: str
    last_event_at: datetime | None
    lag_events: int
    halted: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: events behind a gap or a dead one, dead letters that nobody has settled."""

    parked: int
    dead: int
    rederiving: int


@dataclass(frozen=True, slots=True)
class Generation:
    """Which generation of the tables answers, and which one it took over from."""

    live: int
    previous: int | None


class StatusRows(Protocol):
    """What status is made of."""

    async def topics(self) -> list[TopicStanding]:
        """Return every topic."""
        ...

    async def halted(self) -> list[Halted]:
        """Return every halted partition."""
        ...

    async def waiting(self) -> Waiting:
        """Return what waits, of this tenant."""
        ...

    async def generation(self) -> Generation:
        """Return the live generation."""
        ...


@dataclass(frozen=True, slots=True)
class ProjectionStanding:
    """One projection: `as_of` moves only when something of the tenant was folded that may have moved it."""

    name: str
    as_of: datetime | None
    lag_events: int
    stale: bool


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """How metrics-service is doing, in the eyes of one tenant."""

    as_of: datetime
    lag_events: int
    stale: bool
    generation: int
    previous_generation: int | None
    parked: int
    dead_letters: int
    rederiving: int
    halted: list[Halted]
    outbox: Mapping[str, object]
    projections: list[ProjectionStanding]


def projections(topics: list[TopicStanding], *, stale: bool) -> list[ProjectionStanding]:
    """Return how each projection stands."""
    found = []
    for name, moved_by in MOVED_BY.items():
        mine = [topic for topic in topics if topic.topic in moved_by]
        times = [topic.last_event_at for topic in mine if topic.last_event_at]
        found.append(
            ProjectionStanding(
                name=name,
                as_of=max(times, default=None),
                lag_events=sum(topic.lag_events for topic in mine),
                stale=stale or any(topic.halted for topic in mine),
            )
        )
    return found
