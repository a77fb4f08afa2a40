"""A lead's way through its steps, derived from its facts: when it entered what, and where it is."""

from typing import NamedTuple

from metrics_service.projections.calendar import Micros
from metrics_service.projections.facts_journey import (
    ACCEPTED,
    ASSIGNED,
    CAPTURED,
    CONVERTED,
    DISQUALIFIED,
    QUALIFIED,
    RECYCLED,
    REJECTED,
    JourneyFacts,
)
from metrics_service.projections.funnel_steps import StepTrack

ENTERING = (QUALIFIED, ASSIGNED, ACCEPTED, CONVERTED)
HANDING_OVER = (QUALIFIED, ASSIGNED, ACCEPTED)


class Visit(NamedTuple):
    """A completed stay in a step; a stay of no length is no visit."""

    step: str
    entered_at: Micros
    left_at: Micros


class JourneyWalk(NamedTuple):
    """Where a lead is: its present step while it is open, its end once it is over."""

    open_step: str | None
    ended_at: Micros | None  # rejected or disqualified, and not taken up again
    converted: bool
    visits: list[Visit]


def acts_of(facts: JourneyFacts) -> list[tuple[Micros, str]]:
    """Return what moved the lead, in order. What an import said of qualification holds until asked."""
    acts = [(act.at, act.kind) for act in facts.acts]
    imported = facts.imported_qualified_at
    if imported is None or any(kind == QUALIFIED for _at, kind in acts):
        return acts
    place = sum(1 for at, _kind in acts if at < imported)
    return [*acts[:place], (imported, QUALIFIED), *acts[place:]]


def entered(
    facts: JourneyFacts, acts: list[tuple[Micros, str]], track: StepTrack
) -> list[Micros | None]:
    """Return when each step was first entered by an act of its own; None where it never was."""
    times: list[Micros | None] = [None] * len(track.keys)
    rank = track.rank_of_entry.get(CAPTURED)
    if rank is not None:
        times[rank] = facts.captured_at
    for at, kind in acts:
        rank = track.rank_of_entry.get(kind)
        if rank is not None and times[rank] is None:
            times[rank] = at
    return times


def handed_over_at(acts: list[tuple[Micros, str]]) -> Micros | None:
    """Return when sales first got the lead: the first of qualified, assigned, accepted."""
    return next((at for at, kind in acts if kind in HANDING_OVER), None)


def walk(facts: JourneyFacts, acts: list[tuple[Micros, str]], track: StepTrack) -> JourneyWalk:
    """Follow the acts through the steps."""
    if not acts and track.keys:
        return JourneyWalk(track.keys[0], None, False, [])
    walker = _Walker(track, facts.captured_at)
    for at, kind in acts:
        walker.take(at, kind)
        if walker.converted:
            break
    open_step = track.keys[walker.rank] if walker.open and track.keys else None
    return JourneyWalk(open_step, walker.ended_at, walker.converted, walker.visits)


class _Walker:
    def __init__(self, track: StepTrack, since: Micros | None) -> None:
        self._track = track
        self._since = since
        self.rank = 0
        self.open = True
        self.converted = False
        self.ended_at: Micros | None = None
        self.visits: list[Visit] = []

    def take(self, at: Micros, kind: str) -> None:
        if kind in (REJECTED, DISQUALIFIED):
            self._end(at)
        elif kind == RECYCLED:
            self._enter(self._track.last_of_marketing(self.rank), at)
        elif kind == CONVERTED:
            self._leave(at)
            self.open, self.converted, self.ended_at = False, True, None
        else:
            self._forward(self._track.rank_of_entry.get(kind), at)

    def _forward(self, rank: int | None, at: Micros) -> None:
        # A late act never moves a lead back: only recycling does. Any act takes a refused one up again.
        if rank is not None and rank > self.rank:
            self._enter(rank, at)
        elif not self.open:
            self._enter(self.rank, at)

    def _enter(self, rank: int, at: Micros) -> None:
        if self.open and rank == self.rank:
            return
        self._leave(at)
        self.rank, self._since, self.open, self.ended_at = rank, at, True, None

    def _end(self, at: Micros) -> None:
        # Refused and then disqualified: it was over the first time.
        if self.open:
            self._leave(at)
            self.open, self.ended_at = False, at

    def _leave(self, at: Micros) -> None:
        if self.open and self._since is not None and self._track.keys and at > self._since:
            self.visits.append(Visit(self._track.keys[self.rank], self._since, at))
