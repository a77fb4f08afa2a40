"""What sales told marketing, whether it was answered, and why deals were won or lost."""

from datetime import date
from typing import Literal
from uuid import UUID

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import FEEDBACK
from onefunnel.events.values import AssetId, Code, DealId, Instant, PersonId


@event("onefunnel.feedback.submitted.v1", topic=FEEDBACK, aggregate="feedback", key="feedback_id")
class FeedbackSubmitted(Event):
    """Sales told marketing something; it has one owner and a due date."""

    feedback_id: UUID
    kind: Code
    asset_id: AssetId | None = None
    campaign_id: UUID | None = None
    submitted_by: PersonId | None
    owner_id: PersonId
    due_on: date
    submitted_at: Instant


@event("onefunnel.feedback.answered.v1", topic=FEEDBACK, aggregate="feedback", key="feedback_id")
class FeedbackAnswered(Event):
    """The owner answered; `changed` says whether something was changed because of it."""

    feedback_id: UUID
    answered_by: PersonId | None
    answered_at: Instant
    changed: bool


@event("onefunnel.winloss.recorded.v1", topic=FEEDBACK, aggregate="winloss", key="winloss_id")
class WinlossRecorded(Event):
    """One voice said why a deal was won or lost."""

    winloss_id: UUID
    deal_id: DealId
    voice: Literal["rep", "marketing", "buyer"]
    reasons: tuple[Code, ...]
    recorded_at: Instant
