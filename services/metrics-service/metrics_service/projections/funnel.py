"""Which cells of the funnel an entity counts in: entries, conversion, loss, reach."""

from functools import lru_cache
from typing import NamedTuple

from metrics_service.projections.calendar import LocalDays, Micros
from metrics_service.projections.funnel_steps import StepTrack
from metrics_service.projections.keys import FunnelKey, FunnelVector
from metrics_service.projections.shape import Cells, add_to

# The first reach of a step: its rank, when, and whether only a later step implies it.
Entry = tuple[int, Micros, bool]


class Worth(NamedTuple):
    """What an entity is worth, in one currency."""

    amount_minor: int
    currency: str


def first_entries(times: list[Micros | None]) -> list[Entry]:
    """Return the first reach of each step up to the furthest, in order of the steps.

    Reaching a step implies all earlier ones, so that no conversion exceeds 1: a step that was
    skipped, or entered only on the way back, counts from the instant of the later step.
    """
    entries: list[Entry] = []
    earliest: Micros | None = None
    for rank in range(len(times) - 1, -1, -1):
        own = times[rank]
        if own is not None and (earliest is None or own <= earliest):
            earliest = own
            entries.append((rank, own, False))
        elif earliest is not None:
            entries.append((rank, earliest, True))
    entries.reverse()
    return entries


def add_entries(
    cells: Cells,
    head: tuple[object, ...],
    entries: list[Entry],
    *,
    track: StepTrack,
    days: LocalDays,
    worth: Worth,
    ended_at: Micros | None,
) -> None:
    """Count the entries: each step entered, converted to the next one, or lost in the furthest."""
    amount, currency = worth
    following: Micros | None = None
    for rank, at, imputed in reversed(entries):
        window = track.windows[rank]
        if following is not None:
            vector = _vector(imputed, int(following - at <= window), 1, 0, amount)
        else:
            vector = _vector(imputed, 0, 0, int(_within(at, ended_at, window)), amount)
        cells[FunnelKey, head, (currency, days.day(at), track.keys[rank])] = vector
        following = at


def _within(at: Micros, ended_at: Micros | None, window: Micros) -> bool:
    return ended_at is not None and ended_at - at <= window


@lru_cache(maxsize=4_096)
def _vector(imputed: bool, converted: int, ever: int, lost: int, amount: int) -> FunnelVector:
    return FunnelVector(1, int(imputed), converted, ever, lost, amount)


@lru_cache(maxsize=4_096)
def _reached(amount: int) -> FunnelVector:
    return FunnelVector(reached=1, reached_amount_minor=amount)


def add_reach(
    cells: Cells,
    head: tuple[object, ...],
    entries: list[Entry],
    *,
    track: StepTrack,
    days: LocalDays,
    worth: Worth,
    began_at: Micros,
) -> None:
    """Count the steps reached, on the day the journey began."""
    began_on, vector = days.day(began_at), _reached(worth.amount_minor)
    for rank, _at, _imputed in entries:
        add_to(cells, (FunnelKey, head, (worth.currency, began_on, track.keys[rank])), vector)
