"""Contacts with leads, and the merging of two leads that are one person."""

from dataclasses import dataclass, field
from uuid import UUID

from lead_service.application.commands.terms import moment, references
from lead_service.application.ports import Saved, Tx
from lead_service.application.views import LeadView, TouchView
from lead_service.domain.funnel import Side
from lead_service.domain.lead import Touch
from lead_service.domain.values import MAX_MERGED_TOUCHES, When
from onefunnel.errors import conflict
from onefunnel.events.values import CampaignId, PersonId
from onefunnel.ids import new_id


@dataclass(frozen=True, slots=True)
class RecordTouch:
    """Note a contact with a lead."""

    lead_id: UUID
    side: Side
    channel: str
    human: bool = True
    at: When | None = None
    campaign_id: UUID | None = None
    person_id: UUID | None = None
    note: str | None = field(default=None, repr=False)


async def record_touch(command: RecordTouch, *, tx: Tx) -> tuple[TouchView, Saved[LeadView]]:
    """Note a contact with a lead; the words stay here."""
    await tx.references.require(
        references(
            ("campaign", command.campaign_id, "/campaign"), ("person", command.person_id, "/person")
        )
    )
    touch = Touch(
        id=new_id(),
        touched_at=await moment(command.at, tx=tx),
        side=command.side,
        channel=command.channel,
        human=command.human,
        campaign_id=CampaignId(command.campaign_id) if command.campaign_id else None,
        person_id=PersonId(command.person_id) if command.person_id else None,
        note=command.note,
    )
    lead = await tx.leads.get(command.lead_id)
    saved = await tx.leads.save(lead, lead.touch(touch), note=command.note)
    return await tx.touches.add(lead.id, touch), saved


@dataclass(frozen=True, slots=True)
class MergeLead:
    """Say that a lead is the same person as another one."""

    lead_id: UUID
    into_id: UUID


async def merge_lead(command: MergeLead, *, tx: Tx) -> Saved[LeadView]:
    """Merge a lead into another, which takes over its touches; the old id leads to the new one."""
    await tx.references.require(references(("lead", command.into_id, "/into")))
    # Always in the order of ids, so that two merges of the same pair cannot wait for each other.
    both = {id_: await tx.leads.get(id_) for id_ in sorted({command.lead_id, command.into_id})}
    lead, into = both[command.lead_id], both[command.into_id]
    merged, event = lead.merge(into=into, at=tx.now)
    touches = await tx.touches.of(lead.id, limit=MAX_MERGED_TOUCHES + 1)
    if len(touches) > MAX_MERGED_TOUCHES:
        raise conflict(f"The lead has more than {MAX_MERGED_TOUCHES} touches and cannot be merged.")
    saved = await tx.leads.save(merged, event)
    if touches:
        await tx.leads.save(into, *(into.touch(touch) for touch in touches))
        await tx.touches.move(lead.id, to=into.id)
    return saved
