"""Follow a CRM's lead: captured once, then kept in step with what its record says."""

from datetime import datetime
from typing import Final
from uuid import UUID

from lead_service.application.commands.leads import (
    AssignLead,
    CaptureLead,
    DisqualifyLead,
    assign_lead,
    capture_lead,
    disqualify_lead,
)
from lead_service.application.ports import Tx
from lead_service.domain.crm import CrmRecord
from lead_service.domain.erasure import Erasure
from lead_service.domain.lead import Labels, Lead, LeadState
from onefunnel.events.values import CampaignId
from onefunnel.ids import new_id

_OPEN: Final = {
    LeadState.CAPTURED,
    LeadState.ASSIGNED,
    LeadState.ACCEPTED,
    LeadState.RECYCLED,
}


async def follow_lead(record: CrmRecord, *, tx: Tx) -> CrmRecord:
    """Make the lead what its record says. Names and addresses stay in the CRM: no event carries them."""
    if record.says("erased") == "true" and await _is_erased(record, tx):
        return record
    lead = await tx.leads.find(record.id)
    if lead is None:
        if record.says("deleted") != "true":
            await _capture(record, tx)
            lead = await tx.leads.get(record.id)
    elif lead.state not in {LeadState.MERGED, LeadState.CONVERTED}:
        lead = await _agree_on_labels(record, lead, tx)
        await _agree_on_owner(record, lead, tx)
    if lead is not None:
        await _give_up(record, await tx.leads.get(record.id), tx)
        await _forget(record, await tx.leads.get(record.id), tx)
    return record


async def _capture(record: CrmRecord, tx: Tx) -> None:
    created_at, began = record.says("created_at"), _first_heard(record)
    qualified = next((at for at, value in record.runs("standing") if value == "qualified"), None)
    command = CaptureLead(
        external=record.external,
        captured_at=datetime.fromisoformat(created_at) if created_at else began,
        source=record.says("origin"),
        campaign_id=await _known(record.says("campaign"), tx),
        owner_id=await _owner(record, tx),
        qualified_at=qualified,
    )
    await capture_lead(command, tx=tx)


def _first_heard(record: CrmRecord) -> datetime:
    return min(word.at for words in record.words.values() for word in words)


async def _agree_on_labels(record: CrmRecord, lead: Lead, tx: Tx) -> Lead:
    known = lead.labels
    campaign_id = (
        await _known(record.says("campaign"), tx) if record.told("campaign") else known.campaign_id
    )
    labels = Labels(
        record.says("origin") if record.told("origin") else known.source,
        CampaignId(campaign_id) if campaign_id else None,
        known.segment,
    )
    if labels == known:
        return lead
    updated, events = lead.update(contact=lead.contact, labels=labels, attributes=lead.attributes)
    await tx.leads.save(updated, *events)
    return updated


async def _agree_on_owner(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    owner_id = await _owner(record, tx)
    assignable = lead.state in _OPEN or lead.state is LeadState.REJECTED
    if owner_id is not None and owner_id != lead.owner_id and assignable:
        at = record.words["owner"][-1].at
        await assign_lead(AssignLead(lead.id, owner_id, at), tx=tx)


async def _give_up(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    deleted = record.says("deleted") == "true"
    if lead.state not in _OPEN or not (deleted or record.says("standing") == "disqualified"):
        return
    at = record.runs("deleted" if deleted else "standing")[-1][0]
    reason = "crm-deleted" if deleted else record.says("lost_reason") or "unspecified"
    await disqualify_lead(DisqualifyLead(lead.id, reason, at), tx=tx)


async def _forget(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    """Erase whoever asked the CRM to be forgotten: the CRM asks, we carry it out; counts stay."""
    if record.says("erased") != "true":
        return
    asked = await tx.erasures.of(lead.id)
    if asked is None:
        asked = Erasure(new_id(), "lead", lead.id, f"crm:{record.external.source}", tx.now)
        await tx.erasures.add(asked)
    await tx.erasures.carry_out(*asked.approve(by=tx.actor, at=tx.now))


async def _is_erased(record: CrmRecord, tx: Tx) -> bool:
    known = await tx.erasures.of(record.id)
    return known is not None and known.erased_at is not None


async def _owner(record: CrmRecord, tx: Tx) -> UUID | None:
    text = record.says("owner")
    return UUID(text) if text and await tx.people.known([UUID(text)]) else None


async def _known(text: str | None, tx: Tx) -> UUID | None:
    return UUID(text) if text and await tx.campaigns.known([UUID(text)]) else None
