"""The shared definition of a qualified lead: rules for fit and engagement, grades, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from scoring_service.domain.conditions import Condition, Facts, Scalar, same

ActivityKind = Literal["touch.recorded", "content.viewed"]
FitGrade = Literal["A", "B", "C"]
EngagementGrade = Literal["1", "2", "3"]


@dataclass(frozen=True, slots=True)
class FitRule:
    """Points for what the lead is. A negative rule takes points away."""

    id: str
    when: Condition
    points: int
    group: str | None = None


@dataclass(frozen=True, slots=True)
class EngagementRule:
    """Points for what the lead did, each time; caps bound the magnitude before decay."""

    id: str
    event: ActivityKind
    where: Mapping[str, tuple[Scalar, ...]]
    points: int
    half_life_days: int
    cap_per_day: int | None = None
    cap_total: int | None = None
    group: str | None = None

    def counts(self, kind: str, facts: Facts) -> bool:
        """Say whether an activity of this kind and these facts earns the points."""
        return kind == self.event and all(
            field in facts and any(same(facts[field], value) for value in values)
            for field, values in self.where.items()
        )


@dataclass(frozen=True, slots=True)
class FitRules:
    """The fit half: rules, a bound, and bounds per group."""

    max: int
    rules: tuple[FitRule, ...]
    group_caps: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EngagementRules:
    """The engagement half: rules, a bound, and bounds per group."""

    max: int
    rules: tuple[EngagementRule, ...]
    group_caps: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a grade begins: at the bound it is reached. Below the second bound is the lowest grade."""

    first: Decimal
    second: Decimal

    def rank(self, score: Decimal) -> int:
        """Return 0, 1 or 2 for the best, the middle and the lowest grade."""
        if score >= self.first:
            return 0
        return 1 if score >= self.second else 2

    def bound_of(self, score: Decimal) -> Decimal | None:
        """Return where the score's grade begins; None for the lowest grade, which begins nowhere."""
        return (self.first, self.second, None)[self.rank(score)]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to be qualified: grades in both dimensions, and rules that must have fired."""

    grade_fit: frozenset[FitGrade]
    grade_engagement: frozenset[EngagementGrade]
    fired: frozenset[str] = frozenset()

    def met(self, grade: str, fired: frozenset[str]) -> bool:
        """Say whether a grade like "A1" and the rules that fired meet this alternative."""
        return (
            grade[0] in self.grade_fit and grade[1] in self.grade_engagement and self.fired <= fired
        )


@dataclass(frozen=True, slots=True)
class Definition:
    """What marketing and sales agreed to call a qualified lead."""

    gates: tuple[Condition, ...]
    fit: FitRules
    engagement: EngagementRules
    fit_grades: Thresholds
    engagement_grades: Thresholds
    qualified: tuple[Alternative, ...]

    def grade(self, fit: Decimal, engagement: Decimal) -> str:
        """Return the cell of the matrix, A1 to C3."""
        row = "ABC"[self.fit_grades.rank(fit)]
        column = "123"[self.engagement_grades.rank(engagement)]
        return f"{row}{column}"

    def qualifies(self, facts: Facts, grade: str, fired: frozenset[str]) -> bool:
        """Say whether all gates are open and one alternative is met."""
        return all(gate.holds(facts) for gate in self.gates) and any(
            alternative.met(grade, fired) for alternative in self.qualified
        )
