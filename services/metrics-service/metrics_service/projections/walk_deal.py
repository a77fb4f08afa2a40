"""A deal's way through its steps, derived from its facts: entries, visits, how it stands."""

from itertools import pairwise
from typing import NamedTuple

from metrics_service.projections.calendar import Micros
from metrics_service.projections.facts_deal import (
    CANCELLED,
    LOST,
    REOPENED,
    UNDATED,
    WON,
    Booking,
    DealFacts,
    Move,
)
from metrics_service.projections.funnel_steps import CompiledFunnel
from metrics_service.projections.walk_journey import Visit

OPEN = "open"
NO_DECISION = frozenset({"status_quo", "ghosted"})
DISQUALIFIED = "disqualified"
_CLOSING = frozenset({WON, LOST, CANCELLED})


class Standing(NamedTuple):
    """How a deal stands: the newest of its opening, booking, loss, reopening, cancellation."""

    status: str  # open, won, lost, cancelled
    closed_at: Micros | None
    outcome: str  # of a lost deal


def standing(facts: DealFacts) -> Standing:
    """Return how the deal stands. The newest act decides by sequence: commands were taken in that order."""
    sequence, found = facts.created_sequence, Standing(OPEN, None, "")
    booking = facts.booking
    if booking and booking.sequence > sequence:
        sequence, found = booking.sequence, Standing(WON, booking.at, "")
    for turn in facts.turns:
        if turn.sequence > sequence:
            sequence = turn.sequence
            found = Standing(turn.kind, turn.at, turn.outcome)
    return Standing(OPEN, None, "") if found.status == REOPENED else found


def booked(facts: DealFacts) -> Booking | None:
    """Return the booking that counts: none of a deal that is not won."""
    return facts.booking if standing(facts).status == WON else None


def moves_of(facts: DealFacts) -> list[Move]:
    """Return the moves that hold, in order: corrected ones are left out."""
    corrected = {move.corrects for move in facts.moves if move.corrects is not None}
    if not corrected:
        return facts.moves
    return [move for move in facts.moves if move.event_id not in corrected]


def entered(moves: list[Move], stand: Standing, funnel: CompiledFunnel) -> list[Micros | None]:
    """Return when each deal step was first entered by an act of its own; None where it never was."""
    track = funnel.deal
    times: list[Micros | None] = [None] * len(track.keys)
    won = funnel.won_rank
    for move in moves:
        rank = track.rank_of.get(move.step)
        if rank is not None and rank != won and times[rank] is None and move.at != UNDATED:
            times[rank] = move.at
    if won is not None and stand.status == WON:
        times[won] = stand.closed_at
    return times


def visits(facts: DealFacts, moves: list[Move]) -> list[Visit]:
    """Return the completed stays in steps, in order."""
    acts = [(move.at, move.sequence, OPEN, move.step) for move in moves]
    acts += [(turn.at, turn.sequence, turn.kind, "") for turn in facts.turns]
    acts += [(at, sequence, WON, "") for sequence, at in _bookings(facts)]
    acts.sort()
    found: list[Visit] = []
    step, since = "", None
    for at, _sequence, kind, to in acts:
        if since is not None and kind != REOPENED and at > since:
            found.append(Visit(step, since, at))
        if kind in _CLOSING:
            since = None
        elif kind == REOPENED:
            since = at if since is None and step else since
        else:
            step, since = to, None if at == UNDATED else at
    return found


def _bookings(facts: DealFacts) -> list[tuple[int, Micros]]:
    """Return the bookings that ended a stay: a version that only corrects another did not."""
    if len(facts.bookings) < 2:
        return [(sequence, at) for sequence, _version, at in facts.bookings]
    by_version = sorted(facts.bookings, key=lambda booking: (booking[1], booking[0]))
    reopened = [turn.sequence for turn in facts.turns if turn.kind == REOPENED]
    kept = [
        (one[0], one[2])
        for one, other in pairwise(by_version)
        if any(one[0] < sequence < other[0] for sequence in reopened)
    ]
    return [*kept, (by_version[-1][0], by_version[-1][2])]
