"""Two ratings of one lead, given blind, and how they become one.

A gap of at most one is settled by rule: sales has spoken to the lead, so its rating counts. A
larger gap is never averaged away: it waits for a decision by somebody above both sides.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from onefunnel.errors import conflict, invalid
from onefunnel.events import Event
from onefunnel.events.scoring import LeadRated, LeadRatingReconciled
from onefunnel.events.values import LeadId, PersonId, Side

WORST = 1
SETTLED_BY_RULE_UP_TO = 1  # a rating of 1 against 3 or more is a gap of two: no rule of its own


@dataclass(frozen=True, slots=True)
class Rating:
    """What one side said, and why; the reason is a code, required for the worst rating."""

    side: Side
    score: int
    reason: str | None
    rater_id: PersonId | None
    rated_at: datetime
    definition_version: int | None

    def __post_init__(self) -> None:
        if self.score == WORST and self.reason is None:
            raise invalid("A rating of 1 says why: give a reason code.", pointer="/reason")


@dataclass(frozen=True, slots=True)
class Decision:
    """The one rating, and how it came about; `reason` is a person's words and stays here."""

    score: int
    method: Literal["auto", "manager"]
    decided_at: datetime
    decided_by: PersonId | None = None
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Case:
    """A gap that waits for a decision, with the ratings as they now are."""

    id: UUID
    opened_at: datetime
    marketing: int
    sales: int
    decision: Decision | None = None

    @property
    def gap(self) -> int:
        """Marketing's rating minus sales'."""
        return self.marketing - self.sales


@dataclass(frozen=True, slots=True)
class LeadRating:
    """The newest rating of each side, the decision if there is one, and the latest case."""

    lead_id: LeadId
    marketing: int | None = None
    sales: int | None = None
    decision: Decision | None = None
    case: Case | None = None

    @property
    def gap(self) -> int | None:
        """Marketing's rating minus sales', once both have rated."""
        if self.marketing is None or self.sales is None:
            return None
        return self.marketing - self.sales

    def rate(self, rating: Rating, *, case_id: UUID) -> tuple["LeadRating", list[Event]]:
        """Take a side's rating in place of its earlier one; settle, or open a case with `case_id`."""
        before = (self.marketing, self.sales)
        rated = (
            replace(self, marketing=rating.score)
            if rating.side == "marketing"
            else replace(self, sales=rating.score)
        )
        events: list[Event] = [_rated(self.lead_id, rating)]
        if (rated.marketing, rated.sales) == before:
            return rated, events  # the same opinion again: what was decided on it stands
        settled, more = rated.settled(rating.rated_at, case_id)
        return settled, [*events, *more]

    def decide(self, case_id: UUID, decision: Decision) -> tuple["LeadRating", list[Event]]:
        """Close the open case; any earlier one of this lead has been decided."""
        if self.case is None or self.case.id != case_id or self.case.decision is not None:
            raise conflict("It has been decided.", code="already-decided")
        closed = replace(self, decision=decision, case=replace(self.case, decision=decision))
        return closed, [_reconciled(self.lead_id, decision)]

    def settled(self, at: datetime, case_id: UUID) -> tuple["LeadRating", list[Event]]:
        """Settle two ratings by rule, or open a case; with one rating there is nothing to settle."""
        if self.marketing is None or self.sales is None:
            return self, []
        if abs(self.marketing - self.sales) <= SETTLED_BY_RULE_UP_TO:
            return self._by_rule(Decision(self.sales, "auto", at))
        return replace(self, decision=None, case=self._disputed(at, case_id)), []

    def _by_rule(self, decision: Decision) -> tuple["LeadRating", list[Event]]:
        open_case = self.case is not None and self.case.decision is None
        case = replace(self.case, decision=decision) if open_case and self.case else self.case
        return replace(self, decision=decision, case=case), [_reconciled(self.lead_id, decision)]

    def _disputed(self, at: datetime, case_id: UUID) -> Case:
        assert self.marketing is not None
        assert self.sales is not None
        if self.case is not None and self.case.decision is None:
            return replace(self.case, marketing=self.marketing, sales=self.sales)
        return Case(case_id, at, self.marketing, self.sales)


def _rated(lead_id: LeadId, rating: Rating) -> LeadRated:
    return LeadRated(
        lead_id=lead_id,
        side=rating.side,
        score=rating.score,
        rated_at=rating.rated_at,
        rater_id=rating.rater_id,
        definition_version=rating.definition_version,
    )


def _reconciled(lead_id: LeadId, decision: Decision) -> LeadRatingReconciled:
    return LeadRatingReconciled(
        lead_id=lead_id,
        score=decision.score,
        method=decision.method,
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
    )
