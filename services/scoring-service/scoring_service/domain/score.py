"""The score: a pure function of a lead's facts, its activities, a definition and an instant.

Fit says what the lead is, engagement what it did. Every point is a reason, and the reasons of a
dimension sum exactly to its score. Activities are a set: neither order nor repetition matters.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from scoring_service.domain.conditions import Facts
from scoring_service.domain.decay import cools_below_in_days, decayed, forgotten, left_of
from scoring_service.domain.definition import (
    ActivityKind,
    Definition,
    EngagementRule,
    EngagementRules,
    FitRules,
)

Dimension = Literal["fit", "engagement"]


@dataclass(frozen=True, slots=True)
class Activity:
    """Something the lead did or was part of; `id` is the touch or the view, counted once."""

    id: UUID
    kind: ActivityKind
    at: datetime
    facts: Facts

    @property
    def day(self) -> date:
        """The UTC day whose bucket it falls into."""
        return self.at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the score has these points: a rule, or a bound that took some back (`group:…`, `limit`, `floor`)."""

    dimension: Dimension
    rule: str
    points: Decimal
    day: date | None = None
    age_days: int | None = None
    undecayed: int | None = None
    half_life_days: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Two numbers, their cell in the matrix, and why."""

    fit: Decimal
    engagement: Decimal
    grade: str
    reasons: tuple[Reason, ...]
    qualified: bool


@dataclass(frozen=True, slots=True)
class Bucket:
    """The integer points of one rule on one UTC day, after caps and before decay."""

    rule: EngagementRule
    day: date
    points: int


def score(
    definition: Definition, facts: Facts, activities: Iterable[Activity], as_of: datetime
) -> Score:
    """Score a lead as of an instant; what happened after it does not count."""
    fit = fit_reasons(definition.fit, facts)
    known = [activity for activity in activities if activity.at <= as_of]
    found = buckets(definition.engagement, known, as_of.astimezone(UTC).date())
    engagement = engagement_reasons(found, definition.engagement.max, as_of.astimezone(UTC).date())
    fit_total, engagement_total = total(fit), total(engagement)
    grade = definition.grade(fit_total, engagement_total)
    fired = frozenset(bucket.rule.id for bucket in found)
    return Score(
        fit=fit_total,
        engagement=engagement_total,
        grade=grade,
        reasons=(*fit, *engagement),
        qualified=definition.qualifies(facts, grade, fired),
    )


def total(reasons: Iterable[Reason]) -> Decimal:
    """Return the sum of the reasons: the score is nothing else."""
    return sum((reason.points for reason in reasons), start=Decimal(0))


def fit_reasons(fit: FitRules, facts: Facts) -> list[Reason]:
    """Return the rules that hold, then what group caps and the bound take back."""
    held = [rule for rule in fit.rules if rule.when.holds(facts)]
    reasons = [Reason("fit", rule.id, Decimal(rule.points)) for rule in held]
    for group, cap in sorted(fit.group_caps.items()):
        points = sum(rule.points for rule in held if rule.group == group)
        if points > cap:
            reasons.append(Reason("fit", f"group:{group}", Decimal(cap - points)))
    return _bounded(reasons, "fit", fit.max)


def engagement_reasons(found: Iterable[Bucket], limit: int, today: date) -> list[Reason]:
    """Return one reason per bucket, decayed, then what the bound takes back."""
    return _bounded([_reason(bucket, today) for bucket in found], "engagement", limit)


def buckets(
    engagement: EngagementRules, activities: Iterable[Activity], today: date
) -> list[Bucket]:
    """Return the integer points per rule and day, newest day first, after every cap.

    Caps per day bound a bucket. Caps of a rule and of a group keep the newest points, so that a
    lead who is active again is not held back by what it did long ago.
    """
    distinct = {activity.id: activity for activity in activities}
    by_rule = (_buckets_of(rule, distinct.values(), today) for rule in engagement.rules)
    newest_first = sorted(
        (bucket for rule_buckets in by_rule for bucket in rule_buckets),
        key=lambda bucket: (-bucket.day.toordinal(), bucket.rule.id),
    )
    return [bucket for bucket in _capped(newest_first, engagement.group_caps) if bucket.points]


def _buckets_of(rule: EngagementRule, activities: Iterable[Activity], today: date) -> list[Bucket]:
    points: dict[date, int] = defaultdict(int)
    for activity in activities:
        if rule.counts(activity.kind, activity.facts):
            points[activity.day] += rule.points
    fresh = sorted((day for day in points if not _forgotten(rule, day, today)), reverse=True)
    room = rule.cap_total
    found = []
    for day in fresh:
        kept = _towards_zero(_towards_zero(points[day], rule.cap_per_day), room)
        room = None if room is None else room - abs(kept)
        found.append(Bucket(rule, day, kept))
    return found


def _forgotten(rule: EngagementRule, day: date, today: date) -> bool:
    return forgotten(age_days=(today - day).days, half_life_days=rule.half_life_days)


def _towards_zero(points: int, bound: int | None) -> int:
    if bound is None:
        return points
    return min(points, bound) if points >= 0 else max(points, -bound)


def _capped(newest_first: Iterable[Bucket], group_caps: Mapping[str, int]) -> Iterable[Bucket]:
    """Take from the oldest points of a group what is over its cap; points taken away stay as they are."""
    room = dict(group_caps)
    for bucket in newest_first:
        group = bucket.rule.group
        if group is None or group not in room or bucket.points <= 0:
            yield bucket
            continue
        kept = min(bucket.points, room[group])
        room[group] -= kept
        yield replace(bucket, points=kept)


def _reason(bucket: Bucket, today: date) -> Reason:
    age_days = (today - bucket.day).days
    half_life_days = bucket.rule.half_life_days
    return Reason(
        dimension="engagement",
        rule=bucket.rule.id,
        points=decayed(bucket.points, age_days=age_days, half_life_days=half_life_days),
        day=bucket.day,
        age_days=age_days,
        undecayed=bucket.points,
        half_life_days=half_life_days,
    )


def _bounded(reasons: list[Reason], dimension: Dimension, limit: int) -> list[Reason]:
    """Keep a score within 0 and its bound; the difference is a reason like any other."""
    points = total(reasons)
    if points > limit:
        return [*reasons, Reason(dimension, "limit", limit - points)]
    if points < 0:
        return [*reasons, Reason(dimension, "floor", -points)]
    return reasons


def cools_in_days(found: Score, definition: Definition) -> Decimal | None:
    """Return after how many days without activity the engagement grade falls, exactly.

    None where it cannot fall, and where rules of several half-lives or a bound make it no closed form.
    """
    engaged = [reason for reason in found.reasons if reason.dimension == "engagement"]
    lives = {reason.half_life_days for reason in engaged}
    half_life_days = lives.pop() if len(lives) == 1 else None
    if half_life_days is None:
        return None
    exact = sum((_left(reason) for reason in engaged), start=Decimal(0))
    bound = definition.engagement_grades.bound_of(found.engagement)
    return bound and cools_below_in_days(exact, bound, half_life_days=half_life_days)


def _left(reason: Reason) -> Decimal:
    assert reason.undecayed is not None
    assert reason.age_days is not None
    assert reason.half_life_days is not None
    return left_of(reason.undecayed, age_days=reason.age_days, half_life_days=reason.half_life_days)
