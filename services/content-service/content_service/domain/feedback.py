"""What sales tells marketing: each item has one owner, a day it is due, and one answer."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind, conflict
from onefunnel.events.feedback import FeedbackAnswered, FeedbackSubmitted
from onefunnel.events.values import AssetId, PersonId

_ABOVE = frozenset({"manager", "executive", "admin"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the owner said, and whether something was changed because of it."""

    text: str = field(repr=False)
    changed: bool
    answered_by: PersonId | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Feedback:
    """An item; its words and those of the answer stay here."""

    id: UUID
    kind: str
    text: str = field(repr=False)
    owner_id: PersonId
    due_on: date
    submitted_by: PersonId | None
    submitted_at: datetime
    asset_id: AssetId | None = None
    campaign_id: UUID | None = None
    answer: Answer | None = None

    def submitted(self) -> FeedbackSubmitted:
        """Say that it was submitted."""
        return FeedbackSubmitted(
            feedback_id=self.id,
            kind=self.kind,
            asset_id=self.asset_id,
            campaign_id=self.campaign_id,
            submitted_by=self.submitted_by,
            owner_id=self.owner_id,
            due_on=self.due_on,
            submitted_at=self.submitted_at,
        )

    def answered(self, answer: Answer) -> tuple["Feedback", FeedbackAnswered]:
        """Take the one answer."""
        if self.answer is not None:
            raise conflict("It has been answered.", code="already-decided")
        return replace(self, answer=answer), FeedbackAnswered(
            feedback_id=self.id,
            answered_by=answer.answered_by,
            answered_at=answer.answered_at,
            changed=answer.changed,
        )

    def overdue(self, today: date) -> bool:
        """Say whether the answer is late: still missing after the day it was due."""
        return self.answer is None and self.due_on < today

    def check_answered_by(self, role: str, person_id: PersonId | None) -> None:
        """Raise `forbidden` unless the owner answers, somebody above, or marketing's own system."""
        is_owner = person_id is not None and person_id == self.owner_id
        is_marketings = role == "marketer" and person_id is None
        if role not in _ABOVE and not is_owner and not is_marketings:
            raise DomainError(
                "forbidden", "Its owner answers it, or a manager.", kind=ErrorKind.FORBIDDEN
            )
