"""What may be asked of scoring. Views are read straight from SQL; a score is computed on read."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from onefunnel.errors import not_found
from onefunnel.events.values import Side
from scoring_service.application.ports import DefinitionReads, LeadReads
from scoring_service.domain.agreement import Version, in_force
from scoring_service.domain.document import rules_of
from scoring_service.domain.lead_rating import Case, Decision, Rating
from scoring_service.domain.lead_score import LeadScore
from scoring_service.domain.parties import Party
from scoring_service.domain.score import Score, cools_in_days

CaseStatus = Literal["open", "decided"]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A lead's score as of an instant; without a definition in force there is none."""

    lead: LeadScore
    as_of: datetime
    definition_version: int | None
    score: Score | None
    cools_in_days: Decimal | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case and whose it is."""

    lead_id: UUID
    case: Case

    @property
    def status(self) -> CaseStatus:
        """Open until decided."""
        return "open" if self.case.decision is None else "decided"


@dataclass(frozen=True, slots=True)
class RatingsView:
    """A lead's ratings as one party may see them; what is hidden looks like what is not there."""

    lead_id: UUID
    marketing: int | None
    sales: int | None
    decision: Decision | None
    case_id: UUID | None
    history: tuple[Rating, ...]

    @property
    def gap(self) -> int | None:
        """Marketing's rating minus sales', where both may be seen."""
        if self.marketing is None or self.sales is None:
            return None
        return self.marketing - self.sales

    def seen_by(self, party: Party) -> "RatingsView":
        """Hide the other side's rating from who has not rated yet."""
        newest: dict[Side, int | None] = {"marketing": self.marketing, "sales": self.sales}
        rated = frozenset(side for side, score in newest.items() if score is not None)
        shown = {side for side in newest if party.sees(side, rated=rated)}
        return RatingsView(
            lead_id=self.lead_id,
            marketing=self.marketing if "marketing" in shown else None,
            sales=self.sales if "sales" in shown else None,
            decision=self.decision,
            case_id=self.case_id,
            history=tuple(rating for rating in self.history if rating.side in shown),
        )


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases, oldest first: those after a place in the queue."""

    status: CaseStatus | None
    after: tuple[datetime, UUID] | None
    limit: int


class Views(Protocol):
    """Reads over one open transaction of one tenant."""

    @property
    def definitions(self) -> DefinitionReads:
        """What is in force."""
        ...

    @property
    def leads(self) -> LeadReads:
        """Leads and their activities."""
        ...

    async def version(self, number: int) -> Version:
        """Return a version of the definition for reading; raise not-found."""
        ...

    async def versions(self, *, below: int | None, limit: int) -> list[Version]:
        """Return versions, newest first."""
        ...

    async def ratings(self, lead_id: UUID) -> RatingsView:
        """Return all that is known of a lead's ratings; blank for a lead nobody rated."""
        ...

    async def cases(self, wanted: CaseFilter) -> list[CaseView]:
        """Return cases in the order in which they were opened."""
        ...

    async def case(self, case_id: UUID) -> CaseView:
        """Return a case; raise not-found."""
        ...


class ViewsFactory(Protocol):
    """Makes the reads over an open transaction."""

    def __call__(self, conn: Any, tenant_id: UUID) -> Views:
        """Return the reads of one tenant."""
        ...


async def definition_at(at: datetime, *, views: Views) -> Version:
    """Return the version in force at an instant; raise not-found where there was none."""
    found = in_force(await views.definitions.in_force(), at)
    if found is None:
        raise not_found("definition in force at that time")
    return await views.version(found.number)


async def score_of(lead_id: UUID, as_of: datetime, *, views: Views) -> ScoreView:
    """Score a lead as of an instant, under the version in force then, with its attributes as they are."""
    lead = await views.leads.find(lead_id)
    if lead is None:
        raise not_found("lead")
    versions = await views.definitions.in_force()
    activities = await views.leads.activities(lead_id)
    found = lead.score_as_of(activities, versions, as_of)
    if found is None:
        return ScoreView(lead, as_of, None, None, None)
    number, score = found
    document = next(version.document for version in versions if version.number == number)
    return ScoreView(lead, as_of, number, score, cools_in_days(score, rules_of(document)))


async def ratings_for(party: Party, lead_id: UUID, *, views: Views) -> RatingsView:
    """Return a lead's ratings, as this party may see them."""
    return (await views.ratings(lead_id)).seen_by(party)
