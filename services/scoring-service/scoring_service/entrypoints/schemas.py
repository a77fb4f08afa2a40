"""The JSON of scoring's API: what is taken, and what is answered."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from onefunnel.events.values import Code, LeadId, Side
from onefunnel.http.bodies import Body, Shown, Time, Words
from scoring_service.application.commands import DecideCase, DraftDefinition, RateLead
from scoring_service.application.queries import CaseView, RatingsView, ScoreView
from scoring_service.domain.agreement import Signature, Version
from scoring_service.domain.document import (
    ConditionPart,
    DefinitionDocument,
    EngagementPart,
    FitPart,
    GradesPart,
    QualifiedPart,
)
from scoring_service.domain.lead_rating import Decision, Rating
from scoring_service.domain.lead_score import MAX_ATTRIBUTES, LeadScore
from scoring_service.domain.score import Reason

Stars = Annotated[int, Field(ge=1, le=5, description="1 = disqualify … 5 = wins far more often.")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
MAX_NUMBER = 2**31 - 1
AttributeValue = Annotated[int, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)] | bool | Code | None

_EXAMPLE: JsonDict = {
    "fit": {
        "rules": [
            {
                "id": "size",
                "when": {"field": "employees", "op": "between", "value": [200, 5000]},
                "points": 60,
            }
        ]
    },
    "engagement": {
        "half_life_days": 14,
        "rules": [
            {
                "id": "webinar",
                "event": "touch.recorded",
                "where": {"channel": "webinar"},
                "points": 30,
                "cap_per_day": 30,
            }
        ],
    },
    "grades": {"fit": {"A": 60, "B": 30}, "engagement": {"1": 30, "2": 10}},
    "qualified": {"any_of": [{"grade_fit": ["A"], "grade_engagement": ["1"]}]},
}


class DefinitionBody(DefinitionDocument):
    """A definition to be signed; without `effective_from` it begins when it is activated."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    effective_from: Time | None = None

    def command(self) -> DraftDefinition:
        """Return the command."""
        document = self.model_dump_json(by_alias=True, exclude={"effective_from"})
        return DraftDefinition(document, self.effective_from)


class SignatureAnswer(Shown):
    """Who signed, and when."""

    principal_id: str
    person_id: UUID | None
    signed_at: datetime

    @classmethod
    def of(cls, signature: Signature | None) -> "SignatureAnswer | None":
        """Show a signature, if there is one."""
        if signature is None:
            return None
        return cls(
            principal_id=signature.principal_id,
            person_id=signature.person_id,
            signed_at=signature.signed_at,
        )


class SignaturesAnswer(Shown):
    """The signatures of both sides."""

    marketing: SignatureAnswer | None
    sales: SignatureAnswer | None


class DefinitionAnswer(Shown):
    """A version of the definition."""

    id: Literal["mql"] = "mql"
    version: int
    status: Literal["draft", "active"]
    effective_from: datetime | None
    signatures: SignaturesAnswer
    gates: tuple[ConditionPart, ...]
    fit: FitPart
    engagement: EngagementPart
    grades: GradesPart
    qualified: QualifiedPart

    @classmethod
    def of(cls, version: Version) -> "DefinitionAnswer":
        """Show a version with its rules."""
        document = DefinitionDocument.model_validate_json(version.document)
        return cls(
            version=version.number,
            status=version.status.value,
            effective_from=version.effective_from,
            signatures=SignaturesAnswer(
                marketing=SignatureAnswer.of(version.marketing),
                sales=SignatureAnswer.of(version.sales),
            ),
            gates=document.gates,
            fit=document.fit,
            engagement=document.engagement,
            grades=document.grades,
            qualified=document.qualified,
        )


class DefinitionsAnswer(Shown):
    """Versions, newest first."""

    items: list[DefinitionAnswer]
    next_cursor: str | None


class AttributesBody(Body):
    """Numbers, codes and yes/no about the lead for fit rules to ask; null removes one. Never names or text."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"attributes": {"employees": 350, "role": "it_director"}}]}
    )

    attributes: Annotated[
        dict[AttributeName, AttributeValue], Field(min_length=1, max_length=MAX_ATTRIBUTES)
    ]


class AttributesAnswer(Shown):
    """The attributes as they now are."""

    lead_id: UUID
    attributes: dict[str, int | bool | str]

    @classmethod
    def of(cls, lead: LeadScore) -> "AttributesAnswer":
        """Show a lead's attributes."""
        return cls(lead_id=lead.lead_id, attributes=dict(lead.attributes))


class ReasonAnswer(Shown):
    """Points and where they come from; the reasons of a dimension sum exactly to its score."""

    dimension: Literal["fit", "engagement"]
    rule: str
    points: str
    day: date | None
    age_days: int | None
    undecayed: int | None
    half_life_days: int | None

    @classmethod
    def of(cls, reason: Reason) -> "ReasonAnswer":
        """Show a reason."""
        return cls(
            dimension=reason.dimension,
            rule=reason.rule,
            points=f"{reason.points:f}",
            day=reason.day,
            age_days=reason.age_days,
            undecayed=reason.undecayed,
            half_life_days=reason.half_life_days,
        )


class ScoreAnswer(Shown):
    """A lead's score as of an instant. Without a definition in force it is null and `reason` says so."""

    lead_id: UUID
    as_of: datetime
    definition_version: int | None
    fit: str | None
    engagement: str | None
    grade: str | None
    reasons: list[ReasonAnswer]
    reason: Literal["no-definition-in-force"] | None
    cools_in_days: str | None
    qualified: bool
    qualified_at: datetime | None
    qualified_version: int | None
    attributes: dict[str, int | bool | str]

    @classmethod
    def of(cls, view: ScoreView) -> "ScoreAnswer":
        """Show a score and why it is what it is."""
        score, qualification = view.score, view.lead.qualification
        return cls(
            lead_id=view.lead.lead_id,
            as_of=view.as_of,
            definition_version=view.definition_version,
            fit=None if score is None else f"{score.fit:f}",
            engagement=None if score is None else f"{score.engagement:f}",
            grade=score and score.grade,
            reasons=[ReasonAnswer.of(reason) for reason in score.reasons] if score else [],
            reason="no-definition-in-force" if score is None else None,
            cools_in_days=None if view.cools_in_days is None else f"{view.cools_in_days:f}",
            qualified=qualification is not None,
            qualified_at=qualification and qualification.qualified_at,
            qualified_version=qualification and qualification.definition_version,
            attributes=dict(view.lead.attributes),
        )


class RatingBody(Body):
    """A side's rating of a lead. The reason is a code, and required for a 1."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"side": "sales", "score": 4, "reason": "budget_confirmed"}]
        }
    )

    side: Side
    score: Stars
    reason: Code | None = None

    def command(self, lead_id: LeadId) -> RateLead:
        """Return the command."""
        return RateLead(lead_id, self.side, self.score, self.reason)


class PastRating(Shown):
    """One rating of the history."""

    side: Side
    score: int
    reason: str | None
    rater_id: UUID | None
    rated_at: datetime
    definition_version: int | None

    @classmethod
    def of(cls, rating: Rating) -> "PastRating":
        """Show a rating."""
        return cls(
            side=rating.side,
            score=rating.score,
            reason=rating.reason,
            rater_id=rating.rater_id,
            rated_at=rating.rated_at,
            definition_version=rating.definition_version,
        )


class DecisionAnswer(Shown):
    """The one rating and how it came about: by rule (`auto`) or by a manager."""

    score: int
    method: Literal["auto", "manager"]
    decided_at: datetime
    decided_by: UUID | None
    reason: str | None

    @classmethod
    def of(cls, decision: Decision | None) -> "DecisionAnswer | None":
        """Show a decision, if there is one."""
        if decision is None:
            return None
        return cls(
            score=decision.score,
            method=decision.method,
            decided_at=decision.decided_at,
            decided_by=decision.decided_by,
            reason=decision.reason,
        )


class RatingsAnswer(Shown):
    """A lead's ratings. The other side's are null until the caller's own side has rated."""

    lead_id: UUID
    marketing_rating: int | None
    sales_rating: int | None
    gap: int | None
    reconciled: DecisionAnswer | None
    reconciliation_id: UUID | None
    history: list[PastRating]

    @classmethod
    def of(cls, view: RatingsView) -> "RatingsAnswer":
        """Show ratings as a party may see them."""
        return cls(
            lead_id=view.lead_id,
            marketing_rating=view.marketing,
            sales_rating=view.sales,
            gap=view.gap,
            reconciled=DecisionAnswer.of(view.decision),
            reconciliation_id=view.case_id,
            history=[PastRating.of(rating) for rating in view.history],
        )


class DecisionBody(Body):
    """The one rating that counts, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"score": 3, "reason": "Both spoke to another person there."}]
        }
    )

    score: Stars
    reason: Words

    def command(self, case_id: UUID) -> DecideCase:
        """Return the command."""
        return DecideCase(case_id, self.score, self.reason)


class ReconciliationAnswer(Shown):
    """A gap between the two ratings of a lead that somebody above both sides decides on."""

    id: UUID
    lead_id: UUID
    status: Literal["open", "decided"]
    opened_at: datetime
    marketing_rating: int
    sales_rating: int
    gap: int
    decision: DecisionAnswer | None

    @classmethod
    def of(cls, view: CaseView) -> "ReconciliationAnswer":
        """Show a case."""
        case = view.case
        return cls(
            id=case.id,
            lead_id=view.lead_id,
            status=view.status,
            opened_at=case.opened_at,
            marketing_rating=case.marketing,
            sales_rating=case.sales,
            gap=case.gap,
            decision=DecisionAnswer.of(case.decision),
        )


class ReconciliationsAnswer(Shown):
    """Cases, oldest first."""

    items: list[ReconciliationAnswer]
    next_cursor: str | None
