"""The JSON of feedback and win-loss."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from content_service.application.conversation import (
    AnswerFeedback,
    RecordWinLoss,
    SubmitFeedback,
)
from content_service.domain.feedback import Feedback
from content_service.domain.winloss import Voice, WinLoss
from content_service.entrypoints.schemas_library import person
from onefunnel.events.values import AssetId, Code, DealId, PersonId
from onefunnel.http.bodies import Body, Day, Id, Shown, Time, Words


class FeedbackBody(Body):
    """What sales tells marketing: whom it concerns, and by when an answer is due."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "missing",
                    "text": "Buyers ask for a case study of their size.",
                    "owner_id": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10",
                    "due_on": "2026-12-01",
                }
            ]
        }
    )

    kind: Code
    text: Words
    owner_id: Id
    due_on: Day
    asset_id: Id | None = None
    campaign_id: Id | None = None
    submitted_by: Id | None = None
    submitted_at: Time | None = None

    def command(self) -> SubmitFeedback:
        """Return the command."""
        return SubmitFeedback(
            kind=self.kind,
            text=self.text,
            owner_id=PersonId(self.owner_id),
            due_on=self.due_on,
            asset_id=None if self.asset_id is None else AssetId(self.asset_id),
            campaign_id=self.campaign_id,
            submitted_by=person(self.submitted_by),
            submitted_at=self.submitted_at,
        )


class FeedbackAnswerBody(Body):
    """The owner's answer, and whether something was changed because of the item."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "It is in the library now.", "changed": True}]}
    )

    text: Words
    changed: bool

    def command(self, feedback_id: UUID) -> AnswerFeedback:
        """Return the command."""
        return AnswerFeedback(feedback_id, self.text, self.changed)


class FeedbackReply(Shown):
    """An answer that was given."""

    text: str
    changed: bool
    answered_by: UUID | None
    answered_at: datetime


class FeedbackItem(Shown):
    """An item with its answer, if there is one."""

    id: UUID
    kind: str
    text: str
    owner_id: UUID
    due_on: date
    overdue: bool
    status: Literal["open", "answered"]
    submitted_by: UUID | None
    submitted_at: datetime
    asset_id: UUID | None
    campaign_id: UUID | None
    answer: FeedbackReply | None

    @classmethod
    def of(cls, item: Feedback, today: date) -> "FeedbackItem":
        """Show an item on a day."""
        return cls(
            id=item.id,
            kind=item.kind,
            text=item.text,
            owner_id=item.owner_id,
            due_on=item.due_on,
            overdue=item.overdue(today),
            status="open" if item.answer is None else "answered",
            submitted_by=item.submitted_by,
            submitted_at=item.submitted_at,
            asset_id=item.asset_id,
            campaign_id=item.campaign_id,
            answer=_reply(item),
        )


class FeedbackItems(Shown):
    """Items, the first due first."""

    items: list[FeedbackItem]
    next_cursor: str | None


class WinLossBody(Body):
    """One voice's reasons as codes; the words beside them stay here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deal_id": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10",
                    "voice": "buyer",
                    "reasons": ["no_reference_of_our_size"],
                }
            ]
        }
    )

    deal_id: Id
    voice: Voice
    reasons: Annotated[tuple[Code, ...], Field(min_length=1, max_length=20)]
    text: Words | None = None
    recorded_at: Time | None = None

    def command(self) -> RecordWinLoss:
        """Return the command."""
        return RecordWinLoss(
            deal_id=DealId(self.deal_id),
            voice=self.voice,
            reasons=self.reasons,
            text=self.text,
            recorded_at=self.recorded_at,
        )


class WinLossRecord(Shown):
    """What one voice said."""

    id: UUID
    deal_id: UUID
    voice: Voice
    reasons: list[str]
    text: str | None
    recorded_by: UUID | None
    recorded_at: datetime

    @classmethod
    def of(cls, record: WinLoss) -> "WinLossRecord":
        """Show a record."""
        return cls(
            id=record.id,
            deal_id=record.deal_id,
            voice=record.voice,
            reasons=list(record.reasons),
            text=record.text,
            recorded_by=record.recorded_by,
            recorded_at=record.recorded_at,
        )


class WinLossRecords(Shown):
    """Records, newest first."""

    items: list[WinLossRecord]
    next_cursor: str | None


def _reply(item: Feedback) -> FeedbackReply | None:
    if item.answer is None:
        return None
    return FeedbackReply(
        text=item.answer.text,
        changed=item.answer.changed,
        answered_by=item.answer.answered_by,
        answered_at=item.answer.answered_at,
    )
