"""The org chart over time: who reported to whom, without cycles and without towers."""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from lead_service.domain.values import MAX_MEMBERSHIPS, MAX_REPORTING_DEPTH
from onefunnel.errors import broken_rule
from onefunnel.events.directory import Membership
from onefunnel.events.values import PersonId

Chart = Mapping[PersonId, tuple[Membership, ...]]


class Span(NamedTuple):
    """Both dates inclusive; open ends are the ends of the calendar."""

    first: date
    last: date


def check_memberships(person_id: PersonId, memberships: tuple[Membership, ...]) -> None:
    """Refuse memberships that end before they begin, overlap, or have the person lead themselves."""
    if len(memberships) > MAX_MEMBERSHIPS:
        raise broken_rule(
            f"At most {MAX_MEMBERSHIPS} memberships are kept.", pointer="/memberships"
        )
    for n, membership in enumerate(memberships):
        span = _span(membership)
        if span.first > span.last:
            raise broken_rule("A membership ends before it begins.", pointer=f"/memberships/{n}/to")
        if membership.manager_id == person_id:
            raise broken_rule("Nobody is their own manager.", pointer=f"/memberships/{n}/manager")
    ordered = sorted(_span(m) for m in memberships)
    if any(later.first <= earlier.last for earlier, later in itertools.pairwise(ordered)):
        raise broken_rule(
            "Memberships overlap; end one before the next begins.", pointer="/memberships"
        )


def check_chart(person_id: PersonId, chart: Chart) -> None:
    """Refuse a chart in which, on any day, `person_id` is above themselves or the line is too long."""
    reports = _reports(chart)
    for n, membership in enumerate(chart.get(person_id, ())):
        if membership.manager_id is None:
            continue
        pointer = f"/memberships/{n}/manager"
        above = _height(membership.manager_id, _span(membership), chart, person_id, pointer)
        below = _depth(person_id, _span(membership), reports, 0, pointer)
        if above + below > MAX_REPORTING_DEPTH:
            raise _too_deep(pointer)


def _height(at: PersonId, span: Span, chart: Chart, start: PersonId, pointer: str) -> int:
    """Return how many people are above `start` on the busiest day of `span`."""
    frontier, height = [(at, span)], 0
    while frontier:
        height += 1
        if any(person == start for person, _ in frontier):
            raise broken_rule("This would make a circle of managers.", pointer=pointer)
        if height > MAX_REPORTING_DEPTH:
            raise _too_deep(pointer)
        frontier = [
            (m.manager_id, shared)
            for person, days in frontier
            for m in chart.get(person, ())
            if m.manager_id is not None and (shared := _overlap(days, _span(m)))
        ]
    return height


def _depth(
    person: PersonId,
    span: Span,
    reports: Mapping[PersonId, list[tuple[PersonId, Span]]],
    depth: int,
    pointer: str,
) -> int:
    """Return how many levels of people are below on the busiest day of `span`."""
    if depth > MAX_REPORTING_DEPTH:
        raise _too_deep(pointer)
    below = (
        _depth(other, shared, reports, depth + 1, pointer)
        for other, days in reports.get(person, ())
        if (shared := _overlap(span, days))
    )
    return max(below, default=depth)


def _reports(chart: Chart) -> Mapping[PersonId, list[tuple[PersonId, Span]]]:
    reports: defaultdict[PersonId, list[tuple[PersonId, Span]]] = defaultdict(list)
    for person, memberships in chart.items():
        for membership in memberships:
            if membership.manager_id is not None:
                reports[membership.manager_id].append((person, _span(membership)))
    return reports


def _span(membership: Membership) -> Span:
    return Span(membership.from_ or date.min, membership.to or date.max)


def _overlap(one: Span, other: Span) -> Span | None:
    first, last = max(one.first, other.first), min(one.last, other.last)
    return Span(first, last) if first <= last else None


def _too_deep(pointer: str) -> Exception:
    return broken_rule(
        f"A line of managers is at most {MAX_REPORTING_DEPTH} people long.", pointer=pointer
    )
