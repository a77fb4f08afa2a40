"""How good a lead is: by rule, by marketing, by sales."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import SCORING
from onefunnel.events.values import Code, DecimalText, Instant, LeadId, PersonId, Side

Rating = Annotated[int, Field(ge=1, le=5, strict=True)]


@event(
    "onefunnel.definition.activated.v1", topic=SCORING, aggregate="definition", key="definition_id"
)
class DefinitionActivated(Event):
    """Marketing and sales signed a version of the qualified-lead definition."""

    definition_id: UUID
    version: int = Field(ge=1)
    effective_from: Instant


@event("onefunnel.lead.scored.v1", topic=SCORING, aggregate="lead_score", key="lead_id")
class LeadScored(Event):
    """The lead's fit and engagement were computed under a definition version."""

    lead_id: LeadId
    definition_version: int
    fit: DecimalText
    engagement: DecimalText
    grade: Code
    scored_at: Instant


@event("onefunnel.lead.qualified.v1", topic=SCORING, aggregate="lead_score", key="lead_id")
class LeadQualified(Event):
    """The lead met the shared definition for the first time (or was declared qualified by an import)."""

    lead_id: LeadId
    definition_version: int | None
    qualified_at: Instant


@event("onefunnel.lead.rated.v1", topic=SCORING, aggregate="lead_rating", key="lead_id")
class LeadRated(Event):
    """One side rated the lead from 1 to 5; the newest rating of a side counts."""

    lead_id: LeadId
    side: Side
    score: Rating
    rated_at: Instant
    rater_id: PersonId | None = None
    definition_version: int | None = None


@event("onefunnel.lead.rating_reconciled.v1", topic=SCORING, aggregate="lead_rating", key="lead_id")
class LeadRatingReconciled(Event):
    """The two ratings became one: by rule when they are close, by a manager when they are not."""

    lead_id: LeadId
    score: Rating
    method: Literal["auto", "manager"]
    decided_by: PersonId | None = None
    decided_at: Instant
