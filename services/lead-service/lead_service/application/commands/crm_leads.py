"""Follow a CRM's lead: captured once, then kept in step with what its record says."""

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from lead_service.application.commands.leads import (
    AssignLead,
    CaptureLead,
    DisqualifyLead,
    RecycleLead,
    assign_lead,
    capture_lead,
    disqualify_lead,
    recycle_lead,
)
from lead_service.application.commands.touches import MergeLead, merge_lead
from lead_service.application.ports import Tx
from lead_service.domain.crm import CrmRecord
from lead_service.domain.erasure import Erasure
from lead_service.domain.lead import Labels, Lead, LeadState
from onefunnel.events.values import CampaignId, PersonId
from onefunnel.ids import derived_id, new_id

_OPEN: Final = {
    LeadState.CAPTURED,
    LeadState.ASSIGNED,
    LeadState.ACCEPTED,
    LeadState.RECYCLED,
}


async def follow_lead(record: CrmRecord, *, tx: Tx) -> CrmRecord:
    """Make the lead what its record says. Names and addresses stay in the CRM: no event carries them."""
    if record.says("erased") == "true" and await is_erased(record.id, tx):
        return record
    lead = await tx.leads.find(record.id)
    if lead is None:
        if record.only_ended:
            return record
        await _capture(record, tx)
    elif lead.state is LeadState.MERGED:
        await _forget(record, lead, tx)
        return record
    await _agree_on_beginning(record, await tx.leads.get(record.id), tx)
    await _agree_on_labels(record, await tx.leads.get(record.id), tx)
    await _agree_on_owner(record, await tx.leads.get(record.id), tx)
    followed = await _agree_on_end(record, await tx.leads.get(record.id), tx)
    followed = await _merge(followed, await tx.leads.get(record.id), tx)
    await _forget(record, await tx.leads.get(record.id), tx)
    return followed


async def _capture(record: CrmRecord, tx: Tx) -> None:
    command = CaptureLead(
        external=record.external,
        captured_at=earliest(record, None),
        source=record.says("origin"),
        campaign_id=await _known(record.says("campaign"), tx),
        owner_id=await _owner(record, tx),
        qualified_at=_qualified_at(record),
    )
    await capture_lead(command, tx=tx)


def earliest(record: CrmRecord, known: datetime | None) -> datetime:
    """Return when the CRM says that a record began; where it does not, when we first heard of it at the latest."""
    created_at = record.says("created_at")
    return (
        datetime.fromisoformat(created_at)
        if created_at
        else min(known or record.seen_at, record.seen_at)
    )


def _qualified_at(record: CrmRecord) -> datetime | None:
    return next((at for at, value in record.runs("standing") if value == "qualified"), None)


async def _agree_on_beginning(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    qualified_at = _qualified_at(record)
    if qualified_at and lead.qualified_at and lead.qualified_at < qualified_at:
        qualified_at = lead.qualified_at  # here, by its score
    captured_at = earliest(record, lead.captured_at)
    learnt, events = lead.learnt(captured_at=captured_at, qualified_at=qualified_at)
    if events:
        await tx.leads.save(learnt, *events)


async def _agree_on_labels(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    known = lead.labels
    campaign_id = (
        await _known(record.says("campaign"), tx) if record.told("campaign") else known.campaign_id
    )
    labels = Labels(
        record.says("origin") if record.told("origin") else known.source,
        CampaignId(campaign_id) if campaign_id else None,
        known.segment,
    )
    if labels != known:
        updated, events = lead.update(
            contact=lead.contact, labels=labels, attributes=lead.attributes
        )
        await tx.leads.save(updated, *events)


async def _agree_on_owner(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    owner_id = await _owner(record, tx)
    if owner_id is None or owner_id == lead.owner_id:
        return
    at = record.words["owner"][-1].at
    if lead.state is LeadState.CONVERTED:
        had, event = lead.had_owner(PersonId(owner_id), at=at)
        await tx.leads.save(had, event)
        return
    if lead.state is LeadState.DISQUALIFIED and _is_given_up(record):
        # It was somebody's before it was given up, of which we heard first: it is given up again after.
        await recycle_lead(RecycleLead(lead.id, "crm-correction", at=at), tx=tx)
    elif lead.state not in _OPEN and lead.state is not LeadState.REJECTED:
        return
    await assign_lead(AssignLead(lead.id, owner_id, at), tx=tx)


async def _agree_on_end(record: CrmRecord, lead: Lead, tx: Tx) -> CrmRecord:
    """Give the lead up where the CRM did; one that came back is worked on again, whatever was heard first."""
    given_up = _given_up(record)
    if _is_given_up(record):
        if lead.state in _OPEN:
            await _give_up(lead, given_up[-1], tx)
        return record
    back = (given_up[-1][0], "recycled") if given_up else None
    if back is None or back in record.passed:
        return record
    if lead.state in _OPEN:
        await _give_up(lead, given_up[-2], tx)
    if (await tx.leads.get(lead.id)).state is LeadState.DISQUALIFIED:
        await recycle_lead(RecycleLead(lead.id, "crm-restored", at=back[0]), tx=tx)
        # Nobody has a lead that was given back until it is handed over anew.
        await _agree_on_owner(record, replace(lead, owner_id=None, state=LeadState.RECYCLED), tx)
    return record.having_passed([back])


def _given_up(record: CrmRecord) -> list[tuple[datetime, str]]:
    """Return when the lead was given up and why, and with "" when it came back, in turn."""
    words = [
        (word, name) for name in ("deleted", "standing") for word in record.words.get(name, ())
    ]
    said: dict[str, str] = {}
    turns: list[tuple[datetime, str]] = []
    for word, name in sorted(words):
        said[name] = word.value
        reason = ""
        if said.get("deleted") == "true":
            reason = "crm-deleted"
        elif said.get("standing") == "disqualified":
            reason = record.says("lost_reason") or "unspecified"
        if bool(reason) != bool(turns and turns[-1][1]):
            turns.append((word.at, reason))
    return turns


def _is_given_up(record: CrmRecord) -> bool:
    turns = _given_up(record)
    return bool(turns and turns[-1][1])


async def _give_up(lead: Lead, turn: tuple[datetime, str], tx: Tx) -> None:
    at, reason = turn
    await disqualify_lead(DisqualifyLead(lead.id, reason, at), tx=tx)


async def _merge(record: CrmRecord, lead: Lead, tx: Tx) -> CrmRecord:
    """Merge the lead into the one that lives on in its place; one that is not here yet is waited for."""
    name = record.says("merged_into")
    came_back = record.says("deleted") != "true"
    if name is None or came_back or lead.state in {LeadState.MERGED, LeadState.CONVERTED}:
        return replace(record, awaits=None)
    into_id = derived_id(tx.tenant_id, record.external.source, "lead", name)
    into = (await tx.leads.known([into_id])).get(into_id)
    if into is None:
        return replace(record, awaits=into_id)
    mergeable = into.state is not LeadState.MERGED and into.id != lead.id
    if mergeable and not await is_erased(into.id, tx):
        await merge_lead(MergeLead(lead.id, into.id), tx=tx)
    return replace(record, awaits=None)


async def _forget(record: CrmRecord, lead: Lead, tx: Tx) -> None:
    """Erase whoever asked the CRM to be forgotten: the CRM asks, we carry it out; counts stay."""
    if record.says("erased") != "true":
        return
    asked = await tx.erasures.of(lead.id)
    if asked is None:
        asked = Erasure(new_id(), "lead", lead.id, f"crm:{record.external.source}", tx.now)
        await tx.erasures.add(asked)
    await tx.erasures.carry_out(*asked.approve(by=tx.actor, at=tx.now))


async def is_erased(lead_id: UUID, tx: Tx) -> bool:
    """Say whether the person behind a lead is forgotten: nothing of it is written any more."""
    known = await tx.erasures.of(lead_id)
    return known is not None and known.erased_at is not None


async def _owner(record: CrmRecord, tx: Tx) -> UUID | None:
    text = record.says("owner")
    return UUID(text) if text and await tx.people.known([UUID(text)]) else None


async def _known(text: str | None, tx: Tx) -> UUID | None:
    return UUID(text) if text and await tx.campaigns.known([UUID(text)]) else None
