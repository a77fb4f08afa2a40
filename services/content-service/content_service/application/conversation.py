"""What sales tells marketing, and why deals were won or lost. Each is one transaction."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from content_service.application.library import when, whoever
from content_service.application.ports import Author, Saved, Tx
from content_service.domain.feedback import Answer, Feedback
from content_service.domain.winloss import Voice, WinLoss, check_speaks
from onefunnel.events.values import AssetId, DealId, PersonId
from onefunnel.ids import new_id


@dataclass(frozen=True, slots=True)
class SubmitFeedback:
    """Tell marketing something, and whom it concerns by when."""

    kind: str
    text: str = field(repr=False)
    owner_id: PersonId
    due_on: date
    asset_id: AssetId | None
    campaign_id: UUID | None
    submitted_by: PersonId | None
    submitted_at: datetime | None


async def submit_feedback(command: SubmitFeedback, *, by: Author, tx: Tx) -> tuple[Feedback, Saved]:
    """Submit an item; about an asset only if there is one."""
    if command.asset_id is not None:
        await tx.assets.find(command.asset_id)
    item = Feedback(
        id=new_id(),
        kind=command.kind,
        text=command.text,
        owner_id=command.owner_id,
        due_on=command.due_on,
        submitted_by=whoever(command.submitted_by, by=by, pointer="/submitted_by"),
        submitted_at=when(command.submitted_at, tx=tx, pointer="/submitted_at"),
        asset_id=command.asset_id,
        campaign_id=command.campaign_id,
    )
    return item, await tx.feedback.save(item, item.submitted())


@dataclass(frozen=True, slots=True)
class AnswerFeedback:
    """Answer an item, and say whether something was changed because of it."""

    feedback_id: UUID
    text: str = field(repr=False)
    changed: bool


async def answer_feedback(command: AnswerFeedback, *, by: Author, tx: Tx) -> tuple[Feedback, Saved]:
    """Answer an item once."""
    item = await tx.feedback.get(command.feedback_id)
    item.check_answered_by(by.role, by.person_id)
    answer = Answer(command.text, command.changed, by.person_id, tx.now)
    answered, event = item.answered(answer)
    return answered, await tx.feedback.save(answered, event)


@dataclass(frozen=True, slots=True)
class RecordWinLoss:
    """Say in one voice why a deal was won or lost."""

    deal_id: DealId
    voice: Voice
    reasons: tuple[str, ...]
    text: str | None = field(repr=False)
    recorded_at: datetime | None


async def record_winloss(command: RecordWinLoss, *, by: Author, tx: Tx) -> tuple[WinLoss, Saved]:
    """Record one voice beside the others; the newest of each counts."""
    check_speaks(by.role, command.voice)
    record = WinLoss(
        id=new_id(),
        deal_id=command.deal_id,
        voice=command.voice,
        reasons=command.reasons,
        text=command.text,
        recorded_by=by.person_id,
        recorded_at=when(command.recorded_at, tx=tx, pointer="/recorded_at"),
    )
    event = record.record(await tx.winloss.voices(command.deal_id))
    return record, await tx.winloss.add(record, event)
