"""A lead as scoring knows it: facts without a name, its latest score, and whether it is qualified.

The state after a set of facts is the same in whatever order they arrive: the score is as of the
newest fact, and facts are kept, not sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from onefunnel.errors import invalid
from onefunnel.events import Event
from onefunnel.events.scoring import LeadQualified, LeadScored
from onefunnel.events.values import CampaignId, LeadId
from scoring_service.domain.agreement import InForce, in_force
from scoring_service.domain.conditions import Facts, Scalar
from scoring_service.domain.document import rules_of
from scoring_service.domain.score import Activity, Score, score

MAX_ATTRIBUTES = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """The score as last published."""

    definition_version: int
    fit: Decimal
    engagement: Decimal
    grade: str
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Qualification:
    """When the lead first met the definition, and which version; None where an import declared it."""

    qualified_at: datetime
    definition_version: int | None


@dataclass(frozen=True, slots=True)
class LeadScore:
    """The facts and the verdict of one lead."""

    lead_id: LeadId
    source: str | None = None
    campaign_id: CampaignId | None = None
    segment: str | None = None
    attributes: Facts = field(default_factory=dict)
    verdict: Verdict | None = None
    qualification: Qualification | None = None

    @property
    def facts(self) -> Facts:
        """What rules may ask: attributes, and what the lead's own events say, which wins."""
        own = {"source": self.source, "segment": self.segment, "campaign": _text(self.campaign_id)}
        return {**self.attributes, **{k: v for k, v in own.items() if v is not None}}

    def described(
        self, source: str | None, campaign_id: CampaignId | None, segment: str | None
    ) -> "LeadScore":
        """Take over what the lead's own events say it is."""
        return replace(self, source=source, campaign_id=campaign_id, segment=segment)

    def with_attributes(self, changes: dict[str, Scalar | None]) -> "LeadScore":
        """Set attributes; None removes one, what is not named stays."""
        kept = {k: v for k, v in {**self.attributes, **changes}.items() if v is not None}
        if len(kept) > MAX_ATTRIBUTES:
            raise invalid(f"A lead has at most {MAX_ATTRIBUTES} attributes.", pointer="/attributes")
        return replace(self, attributes=kept)

    def declared(self, at: datetime | None) -> tuple["LeadScore", list[Event]]:
        """Take an import's word, if it gave one, that the lead is qualified; once is enough."""
        if at is None or self.qualification is not None:
            return self, []
        return self.qualified(at, None)

    def judged(
        self, activities: Sequence[Activity], versions: list[InForce], *, at: datetime
    ) -> tuple["LeadScore", list[Event]]:
        """Score the lead after a fact of `at`, and qualify it if it met the definition then or since.

        Between activities engagement only falls, so the instants to look at are the fact's own and
        those of later activities.
        """
        scored, events = self._scored(activities, versions, self._newest(at))
        if scored.qualification is not None:
            return scored, events
        moments = sorted({at, *(activity.at for activity in activities if activity.at > at)})
        for moment in moments:
            found = scored.score_as_of(activities, versions, moment)
            if found is not None and found[1].qualified:
                qualified, more = scored.qualified(moment, found[0])
                return qualified, [*events, *more]
        return scored, events

    def score_as_of(
        self, activities: Sequence[Activity], versions: list[InForce], as_of: datetime
    ) -> tuple[int, Score] | None:
        """Return the version in force at an instant and the score under it; None without a definition."""
        version = in_force(versions, as_of)
        if version is None:
            return None
        return version.number, score(rules_of(version.document), self.facts, activities, as_of)

    def _newest(self, at: datetime) -> datetime:
        return at if self.verdict is None else max(at, self.verdict.scored_at)

    def _scored(
        self, activities: Sequence[Activity], versions: list[InForce], at: datetime
    ) -> tuple["LeadScore", list[Event]]:
        found = self.score_as_of(activities, versions, at)
        if found is None:
            return self, []
        number, result = found
        verdict = Verdict(number, result.fit, result.engagement, result.grade, at)
        scored = replace(self, verdict=verdict)
        if self.verdict is not None and replace(self.verdict, scored_at=at) == verdict:
            return scored, []  # the same score, seen again: nobody needs to hear of it
        return scored, [_published(self.lead_id, verdict)]

    def qualified(self, at: datetime, version: int | None) -> tuple["LeadScore", list[Event]]:
        """Qualify the lead, under a version or (None) by an import's word."""
        qualified = replace(self, qualification=Qualification(at, version))
        event = LeadQualified(lead_id=self.lead_id, definition_version=version, qualified_at=at)
        return qualified, [event]


def _published(lead_id: LeadId, verdict: Verdict) -> LeadScored:
    return LeadScored(
        lead_id=lead_id,
        definition_version=verdict.definition_version,
        fit=f"{verdict.fit:f}",
        engagement=f"{verdict.engagement:f}",
        grade=verdict.grade,
        scored_at=verdict.scored_at,
    )


def _text(campaign_id: UUID | None) -> str | None:
    return None if campaign_id is None else str(campaign_id)
