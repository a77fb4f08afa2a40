"""What people do with leads before they become deals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypedDict
from uuid import UUID

from lead_service.application.commands.terms import (
    beginning,
    identity,
    moment,
    references,
    taken,
)
from lead_service.application.ports import Saved, Tx
from lead_service.application.views import LeadView
from lead_service.domain.lead import Contact, Labels, Lead, LeadState, ReasonClass, Scalar, capture
from lead_service.domain.values import External, When
from onefunnel.events.values import CampaignId, LeadId, PersonId


@dataclass(frozen=True, slots=True)
class CaptureLead:
    """Log that somebody showed interest."""

    external: External | None = None
    captured_at: When | None = None
    funnel: str = "default"
    contact: Contact = field(default_factory=Contact)
    source: str | None = None
    campaign_id: UUID | None = None
    segment: str | None = None
    owner_id: UUID | None = None
    attributes: Mapping[str, Scalar] = field(repr=False, default_factory=dict)
    qualified_at: When | None = None
    fingerprint: bytes | None = (
        None  # tells a repetition from another lead of the same outside name
    )


async def capture_lead(command: CaptureLead, *, tx: Tx) -> Saved[LeadView]:
    """Log a lead. The same outside name and data again is the same lead, unchanged."""
    await tx.references.require(
        references(
            ("campaign", command.campaign_id, "/campaign"), ("person", command.owner_id, "/owner")
        )
    )
    await tx.erasures.refuse_erased(command.contact.email, "/email")
    if command.funnel != "default":
        await tx.settings.funnel(command.funnel)
    lead, event = capture(await _lead_of(command, tx))
    saved = await tx.leads.add(lead, event)
    return saved or await _captured_before(lead, tx)


async def _lead_of(command: CaptureLead, tx: Tx) -> Lead:
    qualified = command.qualified_at
    return Lead(
        id=LeadId(identity(command.external, "lead", tx=tx)),
        state=LeadState.CAPTURED,
        captured_at=await beginning(command.captured_at, tx=tx, pointer="/captured_at"),
        funnel=command.funnel,
        contact=command.contact,
        labels=Labels(
            command.source,
            CampaignId(command.campaign_id) if command.campaign_id else None,
            command.segment,
        ),
        attributes=command.attributes,
        owner_id=PersonId(command.owner_id) if command.owner_id else None,
        qualified_at=await moment(qualified, tx=tx, pointer="/qualified_at") if qualified else None,
        external=command.external,
        fingerprint=command.fingerprint,
    )


async def _captured_before(lead: Lead, tx: Tx) -> Saved[LeadView]:
    known = await tx.leads.get(lead.id)
    if known.fingerprint != lead.fingerprint:
        raise taken("lead")
    return await tx.leads.unchanged(lead.id)


class LeadChanges(TypedDict, total=False):
    """What a correction of a lead may name; what it leaves out stays."""

    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    attributes: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class UpdateLead:
    """Correct what is known about a lead."""

    lead_id: UUID
    changes: LeadChanges = field(repr=False)
    seen: int


async def update_lead(command: UpdateLead, *, tx: Tx) -> Saved[LeadView]:
    """Correct a lead; attributes given replace all attributes."""
    changes = command.changes
    await tx.references.require(references(("campaign", changes.get("campaign_id"), "/campaign")))
    lead = await tx.leads.get(command.lead_id, seen=command.seen)
    known = lead.contact
    contact = Contact(
        changes.get("name", known.name),
        changes.get("email", known.email),
        changes.get("phone", known.phone),
        changes.get("company", known.company),
    )
    campaign_id = changes.get("campaign_id", lead.labels.campaign_id)
    labels = Labels(
        changes.get("source", lead.labels.source),
        CampaignId(campaign_id) if campaign_id else None,
        changes.get("segment", lead.labels.segment),
    )
    if contact.email != known.email:
        await tx.erasures.refuse_erased(contact.email, "/email")
    updated, events = lead.update(
        contact=contact, labels=labels, attributes=changes.get("attributes", lead.attributes)
    )
    return await tx.leads.save(updated, *events)


@dataclass(frozen=True, slots=True)
class AssignLead:
    """Hand a lead to a person."""

    lead_id: UUID
    owner_id: UUID
    at: When | None = None


async def assign_lead(command: AssignLead, *, tx: Tx) -> Saved[LeadView]:
    """Hand a lead to a person who exists."""
    await tx.references.require(references(("person", command.owner_id, "/owner")))
    at = await moment(command.at, tx=tx)
    lead = await tx.leads.get(command.lead_id)
    assigned, event = lead.assign(to=PersonId(command.owner_id), at=at)
    return await tx.leads.save(assigned, event)


@dataclass(frozen=True, slots=True)
class AcceptLead:
    """Take a lead over for sales."""

    lead_id: UUID
    person_id: UUID | None = None
    at: When | None = None


async def accept_lead(command: AcceptLead, *, tx: Tx) -> Saved[LeadView]:
    """Take a lead over; without a person named, its owner does."""
    await tx.references.require(references(("person", command.person_id, "/person")))
    at = await moment(command.at, tx=tx)
    lead = await tx.leads.get(command.lead_id)
    accepted, event = lead.accept(by=_person(command.person_id) or lead.owner_id, at=at)
    return await tx.leads.save(accepted, event)


@dataclass(frozen=True, slots=True)
class RejectLead:
    """Refuse a lead before first contact."""

    lead_id: UUID
    reason_class: ReasonClass
    person_id: UUID | None = None
    at: When | None = None
    note: str | None = field(default=None, repr=False)


async def reject_lead(command: RejectLead, *, tx: Tx) -> Saved[LeadView]:
    """Refuse a lead; the words of the reason stay here."""
    await tx.references.require(references(("person", command.person_id, "/person")))
    at = await moment(command.at, tx=tx)
    lead = await tx.leads.get(command.lead_id)
    by = _person(command.person_id) or lead.owner_id
    rejected, event = lead.reject(by=by, at=at, reason_class=command.reason_class)
    return await tx.leads.save(rejected, event, note=command.note)


@dataclass(frozen=True, slots=True)
class RecycleLead:
    """Give a lead back to marketing until a date."""

    lead_id: UUID
    reason: str
    until: date | None = None
    at: When | None = None
    note: str | None = field(default=None, repr=False)


async def recycle_lead(command: RecycleLead, *, tx: Tx) -> Saved[LeadView]:
    """Give a lead back to marketing."""
    at = await moment(command.at, tx=tx)
    lead = await tx.leads.get(command.lead_id)
    recycled, event = lead.recycle(at=at, until=command.until, reason=command.reason)
    return await tx.leads.save(recycled, event, note=command.note)


@dataclass(frozen=True, slots=True)
class DisqualifyLead:
    """Give a lead up for good."""

    lead_id: UUID
    reason: str
    at: When | None = None
    note: str | None = field(default=None, repr=False)


async def disqualify_lead(command: DisqualifyLead, *, tx: Tx) -> Saved[LeadView]:
    """Give a lead up for good."""
    at = await moment(command.at, tx=tx)
    lead = await tx.leads.get(command.lead_id)
    disqualified, event = lead.disqualify(at=at, reason=command.reason)
    return await tx.leads.save(disqualified, event, note=command.note)


def _person(id_: UUID | None) -> PersonId | None:
    return PersonId(id_) if id_ else None
