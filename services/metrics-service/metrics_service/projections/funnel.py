"""Which cells of the funnel an entity counts in: entries, conversion, loss, reach."""

from typing import NamedTuple

from metrics_service.projections.calendar import LocalDays, Micros
from metrics_service.projections.funnel_steps import StepTrack
from metrics_service.projections.keys import FunnelKey, FunnelVector
from metrics_service.projections.shape import Cells, add_to


class Entry(NamedTuple):
    """The first reach of a step, by its own act or implied by a later step."""

    rank: int
    at: Micros
    imputed: bool


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
            entries.append(Entry(rank, own, imputed=False))
        elif earliest is not None:
            entries.append(Entry(rank, earliest, imputed=True))
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
    last = len(entries) - 1
    for place, (rank, at, imputed) in enumerate(entries):
        window = track.windows[rank]
        converted = ever = lost = 0
        if place < last:
            ever, converted = 1, int(entries[place + 1].at - at <= window)
        elif ended_at is not None:
            lost = int(ended_at - at <= window)
        vector = FunnelVector(1, int(imputed), converted, ever, lost, worth.amount_minor)
        tail = (worth.currency, days.day(at), track.keys[rank])
        add_to(cells, (FunnelKey, head, tail), vector)


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
    began_on = days.day(began_at)
    vector = FunnelVector(reached=1, reached_amount_minor=worth.amount_minor)
    for entry in entries:
        tail = (worth.currency, began_on, track.keys[entry.rank])
        add_to(cells, (FunnelKey, head, tail), vector)
