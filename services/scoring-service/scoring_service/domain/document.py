"""The definition as people write it: a JSON document, checked as a whole before anybody signs it.

    {"gates": [{"field": "country", "op": "not_in", "value": ["XX"]}],
     "fit": {"max": 100, "group_caps": {"firmographic": 50}, "rules": [
        {"id": "size", "when": {"field": "employees", "op": "between", "value": [200, 5000]},
         "points": 25, "group": "firmographic"}]},
     "engagement": {"max": 100, "half_life_days": 14, "rules": [
        {"id": "webinar", "event": "touch.recorded", "where": {"channel": "webinar"},
         "points": 15, "cap_per_day": 15, "cap_total": 60, "half_life_days": 45}]},
     "grades": {"fit": {"A": 70, "B": 40}, "engagement": {"1": 60, "2": 25}},
     "qualified": {"any_of": [{"grade_fit": ["A", "B"], "grade_engagement": ["1"]},
                              {"grade_fit": ["A"], "fired": ["webinar"]}]}}

Facts for `field`: source, segment, campaign, and the attributes posted for the lead. Facts for
`where`: a touch has side, channel, human, campaign; a view has asset, kind and seconds.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from onefunnel.events.values import Code
from scoring_service.domain.conditions import Condition, Operands, Operator, Scalar
from scoring_service.domain.definition import (
    ActivityKind,
    Alternative,
    Definition,
    EngagementGrade,
    EngagementRule,
    EngagementRules,
    FitGrade,
    FitRule,
    FitRules,
    Thresholds,
)

MAX_RULES = 100
MAX_OPERANDS = 200
MAX_POINTS = 1_000
MAX_HALF_LIFE_DAYS = 3_650
MAX_WHOLE = 2**31 - 1
MAX_FACTS = 20

Field_ = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Points = Annotated[int, Field(ge=-MAX_POINTS, le=MAX_POINTS)]
Cap = Annotated[int, Field(ge=1, le=MAX_POINTS * MAX_RULES)]
Days = Annotated[int, Field(ge=1, le=MAX_HALF_LIFE_DAYS)]
# As an attribute of a lead is, which it is compared with.
Whole = Annotated[int, Field(ge=-MAX_WHOLE, le=MAX_WHOLE)]
ScalarText = Whole | bool | Code
OneOrMore = (
    ScalarText | Annotated[tuple[ScalarText, ...], Field(min_length=1, max_length=MAX_OPERANDS)]
)
GroupCaps = Annotated[dict[Field_, Cap], Field(max_length=MAX_RULES)]


class Part(BaseModel):
    """A part of the document: nothing unknown, nothing coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ConditionPart(Part):
    """`field op value`."""

    field: Field_
    op: Operator
    value: OneOrMore

    @model_validator(mode="after")
    def _operands_fit(self) -> Self:
        many = isinstance(self.value, tuple)
        if self.op in {"in", "not_in", "between"} and not many:
            raise ValueError(f"the operator {self.op} takes a list of values")
        if self.op not in {"in", "not_in", "between"} and many:
            raise ValueError(f"the operator {self.op} takes one value")
        if self.op in {"between", "at_least", "at_most"}:
            self._check_numbers()
        return self

    def _check_numbers(self) -> None:
        operands = _operands(self.value)
        if any(type(operand) is not int for operand in operands):
            raise ValueError(f"the operator {self.op} compares whole numbers")
        if self.op == "between" and len(operands) != 2:
            raise ValueError("the operator between takes the lowest and the highest value")

    def condition(self) -> Condition:
        """Return the rule's condition."""
        return Condition(self.field, self.op, _operands(self.value))


class FitRulePart(Part):
    """Points for what the lead is."""

    id: RuleId
    when: ConditionPart
    points: Points
    group: Field_ | None = None

    def rule(self) -> FitRule:
        """Return the rule."""
        return FitRule(self.id, self.when.condition(), self.points, self.group)


class FitPart(Part):
    """The fit half."""

    max: Cap = 100
    rules: Annotated[tuple[FitRulePart, ...], Field(max_length=MAX_RULES)]
    group_caps: GroupCaps = {}


class EngagementRulePart(Part):
    """Points for what the lead did."""

    id: RuleId
    event: ActivityKind
    where: Annotated[dict[Field_, OneOrMore], Field(max_length=MAX_FACTS)] = {}
    points: Points
    cap_per_day: Cap | None = None
    cap_total: Cap | None = None
    half_life_days: Days | None = None
    group: Field_ | None = None

    def rule(self, half_life_days: int) -> EngagementRule:
        """Return the rule, with the definition's half-life where it has none of its own."""
        return EngagementRule(
            id=self.id,
            event=self.event,
            where={field: _operands(value) for field, value in self.where.items()},
            points=self.points,
            half_life_days=self.half_life_days or half_life_days,
            cap_per_day=self.cap_per_day,
            cap_total=self.cap_total,
            group=self.group,
        )


class EngagementPart(Part):
    """The engagement half."""

    max: Cap = 100
    half_life_days: Days
    rules: Annotated[tuple[EngagementRulePart, ...], Field(max_length=MAX_RULES)]
    group_caps: GroupCaps = {}


class FitGradesPart(Part):
    """Where A and B begin; below B is C."""

    A: Points
    B: Points

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if self.A <= self.B:
            raise ValueError("A must begin above B")
        return self


class EngagementGradesPart(Part):
    """Where 1 and 2 begin; below 2 is 3."""

    one: Annotated[Points, Field(alias="1")]
    two: Annotated[Points, Field(alias="2")]

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if self.one <= self.two:
            raise ValueError("1 must begin above 2")
        return self


class GradesPart(Part):
    """The matrix A1 to C3."""

    fit: FitGradesPart
    engagement: EngagementGradesPart


Few = Field(min_length=1, max_length=3)  # of three grades


class AlternativePart(Part):
    """One way to be qualified; what is left out is not asked for."""

    grade_fit: Annotated[tuple[FitGrade, ...], Few] = ("A", "B", "C")
    grade_engagement: Annotated[tuple[EngagementGrade, ...], Few] = ("1", "2", "3")
    fired: Annotated[tuple[RuleId, ...], Field(max_length=MAX_RULES)] = ()

    def alternative(self) -> Alternative:
        """Return the alternative."""
        return Alternative(
            frozenset(self.grade_fit), frozenset(self.grade_engagement), frozenset(self.fired)
        )


class QualifiedPart(Part):
    """Qualified is who meets one of these."""

    any_of: Annotated[tuple[AlternativePart, ...], Field(min_length=1, max_length=20)]


class DefinitionDocument(Part):
    """The whole definition."""

    gates: Annotated[tuple[ConditionPart, ...], Field(max_length=MAX_RULES)] = ()
    fit: FitPart
    engagement: EngagementPart
    grades: GradesPart
    qualified: QualifiedPart

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        engaging = [rule.id for rule in self.engagement.rules]
        ids = [*(rule.id for rule in self.fit.rules), *engaging]
        if len(set(ids)) != len(ids):
            raise ValueError("two rules have the same id")
        if any(not set(way.fired) <= set(engaging) for way in self.qualified.any_of):
            raise ValueError("fired names a rule that is not an engagement rule")
        return self

    def definition(self) -> Definition:
        """Return the rules that this document states."""
        grades = self.grades
        return Definition(
            gates=tuple(gate.condition() for gate in self.gates),
            fit=FitRules(
                self.fit.max, tuple(part.rule() for part in self.fit.rules), self.fit.group_caps
            ),
            engagement=EngagementRules(
                self.engagement.max,
                tuple(part.rule(self.engagement.half_life_days) for part in self.engagement.rules),
                self.engagement.group_caps,
            ),
            fit_grades=Thresholds(Decimal(grades.fit.A), Decimal(grades.fit.B)),
            engagement_grades=Thresholds(
                Decimal(grades.engagement.one), Decimal(grades.engagement.two)
            ),
            qualified=tuple(part.alternative() for part in self.qualified.any_of),
        )


@lru_cache(maxsize=256)
def rules_of(text: str) -> Definition:
    """Return the rules of a stored document; the same text is read once."""
    return DefinitionDocument.model_validate_json(text).definition()


def _operands(value: Scalar | tuple[Scalar, ...]) -> Operands:
    return value if isinstance(value, tuple) else (value,)
